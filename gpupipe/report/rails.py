"""A DAG as text: a row for each stage, and a rail for each result that a later stage still reads.

``○`` starts a rail, ``●`` reads and goes on, ``◆`` is read by none. A rail that ends in a stage turns into it (``╯``), one that
others read after goes on (``┤``), and one that has nothing to do with the stage passes (``│``). Where there are too many rails to
follow, they are left out: each row names its inputs in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gpupipe.report.form import KINDS, Stage, Stages, inputs_of, kind_of, pushed_of, title_of
from gpupipe.report.layout import Inputs, depth_first
from gpupipe.report.markup import cut, cut_start, display_width, one_line

WIDTH = 100
MOST_RAILS = 14
WHERE_WIDTH = 36


def rails_text(stages: Stages, outputs: Mapping[int, Sequence[str]]) -> str:
    """Return the drawing; `outputs` holds the names under which a stage's result is given out."""
    by_id = {int(stage["id"]): stage for stage in stages}
    inputs = inputs_of(stages)
    order = depth_first(inputs)
    rows = rails(inputs, order)
    room = max((len(rail) for pair in rows for rail in pair), default=0)
    if room > 2 * MOST_RAILS - 1:
        rows, room = [("•", " ")] * len(order), 1
    digits = len(str(max(by_id, default=0)))
    heads = [
        f"{rail:<{room}}  {number:>{digits}} {_head(by_id[number], inputs[number], outputs.get(number, ()))}"
        for number, (rail, _) in zip(order, rows, strict=True)
    ]
    places = [cut_start(by_id[number].get("where") or "", WHERE_WIDTH) for number in order]
    column = WIDTH - max((display_width(place) for place in places), default=0)
    column = min(column, max((display_width(head) for head in heads if display_width(head) + 2 <= column), default=0) + 2)
    drawn: list[str] = []
    for number, head, place, (_, rail) in zip(order, heads, places, rows, strict=True):
        fits = display_width(head) + 2 <= column
        drawn.append(head + " " * (column - display_width(head)) + place if fits and place else cut(head, WIDTH, squeeze=False))
        indent = f"{rail:<{room}}  {'':>{digits}} "
        drawn += [indent + cut(line, WIDTH - len(indent)) for line in _details(by_id[number], "" if fits else place)]
    return "\n".join(line.rstrip() for line in drawn)


def rails(inputs: Inputs, order: Sequence[int]) -> list[tuple[str, str]]:
    """Return each stage's rails: those of its own row, and those of the rows that tell more of it.

    Examples
    --------
    >>> for row, _ in rails({0: (), 1: (), 2: (1,), 3: (0, 1, 2)}, [0, 1, 2, 3]):
    ...     print(row)
    ○
    │ ○
    │ ├─●
    ◆─┴─╯
    """
    unread = dict.fromkeys(inputs, 0)
    for sources in inputs.values():
        for source in sources:
            unread[source] += 1
    open_rails: list[int | None] = []
    rows = []
    for stage in order:
        for source in inputs[stage]:
            unread[source] -= 1
        feeding = {open_rails.index(source): unread[source] > 0 for source in inputs[stage]}
        ending = [column for column, goes_on in feeding.items() if not goes_on]
        free = [column for column, rail in enumerate(open_rails) if rail is None]
        column = min(ending or free or [len(open_rails)])
        mark = "○" if not feeding else "●" if unread[stage] else "◆"
        row = _row(open_rails, feeding, column, mark)
        open_rails += [None] * (column + 1 - len(open_rails))
        for ended in ending:
            open_rails[ended] = None
        open_rails[column] = stage if unread[stage] else None
        while open_rails and open_rails[-1] is None:
            open_rails.pop()
        rows.append((row, " ".join(" " if rail is None else "│" for rail in open_rails)))
    return rows


def _row(open_rails: Sequence[int | None], feeding: Mapping[int, bool], column: int, stage: str) -> str:
    """Return the rails of a stage that stands in `column`; `feeding` says of each rail it reads whether the rail goes on."""
    low, high = min([column, *feeding]), max([column, *feeding])
    drawn = []
    for place in range(max(len(open_rails), column + 1)):
        inside = low < place < high
        if place == column:
            mark = stage
        elif place in feeding:
            corners = "├┤┼" if feeding[place] else "╰╯┴"
            mark = corners[2] if inside else corners[place == high]
        elif place < len(open_rails) and open_rails[place] is not None:
            mark = "│"
        else:
            mark = "─" if inside else " "
        drawn.append(mark + ("─" if low <= place < high else " "))
    return "".join(drawn).rstrip()


def _head(stage: Stage, inputs: Sequence[int], outputs: Sequence[str]) -> str:
    """Return what a stage's row says of it: name, kind, inputs, outputs."""
    title, kind = cut(title_of(stage), 32), KINDS[kind_of(stage)]
    name = f" · {cut(stage['name'], 24)}" if stage.get("label") and stage["label"] != stage["name"] else ""
    read = f" ← {', '.join(map(str, inputs))}" if inputs else ""
    given = f" ⇒ {one_line(', '.join(outputs))}" if outputs else ""
    return f"{title}{name} · {kind}{read}{given}"


def _details(stage: Stage, where: str) -> list[str]:
    """Return the further lines of a stage: where it was wired if its row had no room for that, and what a source reads."""
    columns, predicate = pushed_of(stage)
    told = [where] if where else []
    if columns:
        names = ", ".join(map(str, stage["pushed"]["columns"] or ()))
        told.append(f"reads {columns}: {names}" if names else f"reads {columns}")
    if predicate:
        told.append(f"where {predicate}")
    return told
