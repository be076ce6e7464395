"""The stages on a page: what each took and gave, which of them ran as one query, what sources read, and the schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpupipe.report.form import LEAST_SECONDS, Report, Stage, Stages, has_run, pushed_of, seconds_around, seconds_within, title_of
from gpupipe.report.html_parts import chip, names_list, paragraph, scrolling, stage_link, stage_name, table
from gpupipe.report.markup import element, escape
from gpupipe.report.units import UNKNOWN, bytes_text, plural, rows_text, seconds_text, share_text

HEADINGS = ("#", "Stage", "Kind", "Rows in", "Rows out", "Columns", "Bytes", "Time", "Share")
NUMERIC = frozenset((0, 3, 4, 5, 6, 7))


def stages_section(report: Report) -> str:
    """Return the table of the stages; those of one stretch stand together under its shared time."""
    stretches = {int(stretch["id"]): stretch for stretch in report["stretches"]}
    whole = max(float(report["seconds"] or 0.0), seconds_within(report))
    head = "".join(element("th", name, scope="col", class_="num" if place in NUMERIC else None) for place, name in enumerate(HEADINGS))
    bodies = []
    for number, members in grouped(report["stages"], stretches):
        rows = "".join(_row(stage, whole, fused=number is not None) for stage in members)
        if number is None:
            bodies.append(element("tbody", rows))
        else:
            bodies.append(element("tbody", _stretch_row(stretches[number], members, whole) + rows, class_="stretch"))
    around = seconds_around(report)
    if around >= LEAST_SECONDS:
        bodies.append(element("tbody", _around_row(around, whole)))
    caption = element("caption", "Stages in the order they were wired")
    lead = ""
    if stretches:
        lead = paragraph("Stages under a stretch were fused by the engine and ran as one query: their time is known only together.", "lead")
    lead += _checkpoints(report)
    content = element("table", f"{caption}<thead><tr>{head}</tr></thead>{''.join(bodies)}", class_="stages")
    return lead + scrolling(content, "Stages") + schemas(report["stages"])


def checkpoints_text(report: Report) -> str:
    """Return how many results came from checkpoints and how many were kept; empty for a run without.

    Examples
    --------
    >>> checkpoints_text({"checkpoints": {"folder": "kept", "taken": [1], "kept": [2, 3], "skipped": [0]}})
    'Checkpoints in kept: 1 result taken, 1 stage not needed, 2 results kept.'
    """
    facts = report.get("checkpoints")
    if not facts:
        return ""
    taken, skipped, kept = (len(facts[word]) for word in ("taken", "skipped", "kept"))
    parts = [f"{plural(taken, 'result')} taken", f"{plural(skipped, 'stage')} not needed"] if taken else []
    parts.append(f"{plural(kept, 'result')} kept")
    return f"Checkpoints in {facts['folder']}: {', '.join(parts)}."


def grouped(stages: Stages, stretches: Mapping[int, Mapping[str, Any]]) -> Iterator[tuple[int | None, list[Stage]]]:
    """Yield the stages in order: the members of a stretch together where its first one stands, all others alone.

    Examples
    --------
    >>> stages = [{"id": 0, "stretch": 5}, {"id": 1, "stretch": None}, {"id": 2, "stretch": 5}]
    >>> [(number, [stage["id"] for stage in members]) for number, members in grouped(stages, {5: {}})]
    [(5, [0, 2]), (None, [1])]
    """
    done: set[int] = set()
    for stage in stages:
        number = stage.get("stretch")
        if number is None or number not in stretches:
            yield None, [stage]
        elif number not in done:
            done.add(number)
            yield number, [member for member in stages if member.get("stretch") == number]


def _checkpoints(report: Report) -> str:
    """Return what came from checkpoints, and why something was not kept or taken; empty for a run without."""
    told = checkpoints_text(report)
    if not told:
        return ""
    by_id = {int(stage["id"]): stage for stage in report["stages"]}
    lines = []
    for remark in report["checkpoints"]["remarks"]:
        links = ", ".join(stage_link(by_id, number) for number in remark["stages"])
        lines.append(element("li", f"{links}: {escape(remark['text'])}"))
    return paragraph(told, "lead") + (element("ul", "".join(lines)) if lines else "")


def _row(stage: Stage, whole: float, *, fused: bool) -> str:
    """Return the table row of a stage."""
    seconds = stage.get("seconds") or 0.0
    shared = fused and seconds < LEAST_SECONDS
    name = stage_name(stage) + element("code", escape(stage.get("where") or ""), class_="where")
    columns, predicate = pushed_of(stage)
    if columns:
        name += paragraph(f"reads {columns}" + (f", where {predicate}" if predicate else ""), "note")
    if stage.get("note"):
        name += paragraph(str(stage["note"]), "note")
    cells = (
        str(stage["id"]),
        name,
        chip(stage),
        rows_text(stage.get("rows_in")),
        rows_text(stage.get("rows_out")),
        rows_text(stage.get("columns_out")),
        bytes_text(stage.get("bytes")),
        element("span", "shared", class_="quiet") if shared else seconds_text(seconds if has_run(stage) else None),
        "" if shared else _bar(seconds, whole),
    )
    drawn = "".join(
        element("th", cell, scope="row") if place == 1 else element("td", cell, class_="num" if place in NUMERIC else None)
        for place, cell in enumerate(cells)
    )
    return element("tr", drawn, id=f"stage-{stage['id']}")


def _stretch_row(stretch: Mapping[str, Any], members: Sequence[Stage], whole: float) -> str:
    """Return the row above the members of a stretch: how long they took together, and the memory they needed."""
    peak = stretch.get("peak_bytes")
    told = f"Stretch {stretch['id']} · {plural(len(members), 'stage')} as one query"
    if peak:
        told += f" · peak memory {bytes_text(peak)}"
    first = element("th", escape(told), scope="rowgroup", colspan=7)
    seconds = element("td", seconds_text(stretch["seconds"]), class_="num")
    return element("tr", first + seconds + element("td", _bar(stretch["seconds"], whole)), class_="stretch-head")


def _around_row(seconds: float, whole: float) -> str:
    """Return the row of what no stage took, so that the times add up."""
    first = element("th", "Around the stages: engine and cluster opened and closed, outputs handed over", scope="row", colspan=7)
    cells = element("td", seconds_text(seconds), class_="num") + element("td", _bar(seconds, whole))
    return element("tr", first + cells, class_="stretch-head")


def _bar(seconds: float, whole: float) -> str:
    """Return a share of the run's time as a bar with its figure."""
    if whole <= 0 or seconds <= 0:
        return ""
    width = max(1.0, 100 * seconds / whole)
    bar = f'<span class="bar" style="width:{width:.1f}%"></span>'
    return element("span", bar, class_="track") + element("span", share_text(seconds, whole), class_="share")


def sources_section(stages: Stages) -> str:
    """Return what each source was told to read: columns and filter; empty where nothing is known of it."""
    rows = []
    for stage in stages:
        if stage.get("kind") == "source":
            columns, predicate = pushed_of(stage)
            names = (stage.get("pushed") or {}).get("columns") or ()
            where = element("code", escape(predicate)) if predicate else element("span", "every row", class_="quiet")
            rows.append((stage_name(stage), escape(columns or "all columns"), names_list(names) or UNKNOWN, where))
    if not rows:
        return ""
    lead = paragraph("What the stages after it need, worked out before a byte is read. Every engine reads only this.", "lead")
    return lead + table("Sources", ("Source", "Reads", "Columns", "Rows"), rows)


def schemas(stages: Stages) -> str:
    """Return each stage's schema, folded away; empty where none is known."""
    folded = []
    for stage in stages:
        if stage.get("schema") is not None:
            number = element("span", escape(stage["id"]), class_="quiet")
            folded.append(_schema(stage, f"{number} {element('b', escape(title_of(stage)))} "))
    if not folded:
        return ""
    heading = element("summary", f"Schemas of {plural(len(folded), 'stage')}")
    return element("details", heading + "".join(folded), class_="schemas")


def _schema(stage: Stage, title: str) -> str:
    """Return a stage's schema folded away behind its title, which is markup."""
    fields = stage["schema"]
    count = element("span", escape(plural(len(fields), "column")), class_="quiet")
    summary = element("summary", title + count)
    rows = [(element("code", escape(name)), escape(dtype), "may be null" if nullable else "never null") for name, dtype, nullable in fields]
    return element("details", summary + table(f"Schema of {title_of(stage)}", ("Column", "Dtype", "Nulls"), rows), class_="schema")


def plan_stages_section(stages: Stages) -> str:
    """Return the planned stages: inputs, place in the file, and schema."""
    by_id = {int(stage["id"]): stage for stage in stages}
    shown = []
    for stage in stages:
        inputs = ", ".join(stage_link(by_id, number) for number in stage.get("inputs") or ())
        where = element("code", escape(stage.get("where") or ""), class_="where")
        head = f"{element('span', escape(stage['id']), class_='number')}{stage_name(stage)} {chip(stage)}{where}"
        read = element("p", f"reads {inputs}", class_="note") if inputs else ""
        schema = _schema(stage, "") if stage.get("schema") is not None else ""
        shown.append(element("li", element("div", head) + read + schema, id=f"stage-{stage['id']}"))
    return element("ol", "".join(shown), class_="plan")
