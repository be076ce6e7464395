"""Cards: what stands on a page, as plain values. A card is a title and parts, and no card has HTML of its own.

The sections of a page are made of such parts, and so is whatever a stage has to say of its result (``cards`` in ``report.json``), so that a
new kind of result needs no more than this form::

    cards   [{stage, section, title, parts}]        cards of one section stand together under its name, by default "Results"; stage: an id
    part    {kind: "text", text}
            {kind: "facts", title, values: {name: a scalar, or a list of them}}
            {kind: "table", title, columns: [name], rows: [[scalar, or {stage: id}]]}; numbers stand to the right, and where as_is is true
                are shown with all of their digits, as values of a table are (a key is no quantity); where folded is true, it unfolds below
                its title
            {kind: "bars", title, bars: [[name, number]]}
            {kind: "lines", title, x, y, curves: [{label, x: [number], y: [number]}]}     x and y of the part name what runs along each axis
                and, where something lies between two of them, bands: [{label, x: [number], low: [number], high: [number]}], with of: the
                label of a curve, in whose colour it is drawn
            {kind: "pictures", title, columns: [name], rows: [[name, PNG in base64 or nothing for each column]]}, see `kernels/png.py`
            {kind: "discs", title, discs: [{x, y, radius, label, told}]}    beside them links: [[place, place, number]]; x and y where there
                are axes (radii are pixels then); value of a disc, from -1 to 1, where its colour shows one

The parts that gpupipe's own sections use beside these (a drawing, the stages, details that unfold) are in ``templates/parts.html``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from gpupipe.kernels.png import is_png_text
from gpupipe.report.bars import bars
from gpupipe.report.charts import Axis, Band, DrawnCurve, line_chart, room_for, tick_text
from gpupipe.report.discs import Disc, disc_chart
from gpupipe.report.form import Stage, title_of
from gpupipe.report.units import UNKNOWN, number_text

Part = Mapping[str, Any]

MOST_POINTS = 20  # of a curve in the table behind it, beside the first
MOST_ROWS = 2_000  # of a table; report.json has them all
CURVES_TOGETHER = 4  # that the eye can tell apart
OF_CARDS = ("text", "facts", "table", "bars", "lines", "pictures", "discs")


def text(told: str, style: str = "lead") -> Part:
    """Return a paragraph."""
    return {"kind": "text", "text": told, "style": style}


def heading(title: object, beside: Any = None) -> Part:
    """Return a heading, and a link that stands beside it."""
    return {"kind": "heading", "title": title, "beside": beside}


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], numeric: Iterable[int] = ()) -> Part:
    """Return a table; the first cell of a row names it, and the columns in `numeric` stand to the right."""
    listed = list(rows)
    more = f"and {len(listed) - MOST_ROWS:,} more rows, which report.json has" if len(listed) > MOST_ROWS else ""
    return {
        "kind": "table",
        "title": title,
        "columns": columns,
        "rows": listed[:MOST_ROWS],
        "numeric": frozenset(numeric),
        "more": more,
        "style": "",
    }


def facts(title: str, values: Mapping[str, object]) -> Part:
    """Return names and values in two columns under a title."""
    return {"kind": "facts", "title": title, "rows": [(name, fact_text(value)) for name, value in values.items()]}


def group(style: str, parts: Iterable[Part]) -> list[Part]:
    """Return parts side by side; nothing for none."""
    held = list(parts)
    return [{"kind": "group", "style": style, "parts": held}] if held else []


def details(summary: Sequence[Any], parts: Iterable[Part], style: str = "") -> Part:
    """Return parts that unfold under their summary, which is made of cells."""
    return {"kind": "details", "summary": summary, "parts": list(parts), "style": style}


def chart(drawn: str, data: Part | None = None) -> Part:
    """Return a figure that has been drawn, of `gpupipe.report.charts`, with the table of what it shows, which unfolds below it."""
    return {"kind": "chart", "drawn": Markup(drawn), "data": data}  # noqa: S704 - charts escape the text in them


def points_table(title: str, x: str, y: str, lines: Mapping[str, Sequence[tuple[float, float]]], show: Any = number_text) -> Part:
    """Return the table behind curves: of a long one points at equal steps, the first and the last among them; report.json has all.

    Examples
    --------
    >>> table = points_table("ROC", "x", "y", {"a": [(n / 100, 0.5) for n in range(101)]})
    >>> len(table["rows"]), table["rows"][-1]
    (21, ('a', '1.0000', '0.5000'))
    """
    rows: list[tuple[str, str, str]] = []
    for label, points in lines.items():
        step = max(1.0, (len(points) - 1) / MOST_POINTS)
        chosen = dict.fromkeys(min(round(place * step), len(points) - 1) for place in range(min(len(points), MOST_POINTS + 1)))
        rows += [(label, number_text(points[place][0]), show(points[place][1])) for place in chosen]
    return table(title, ("Curve", x or "x", y or "y"), rows, (1, 2))


def link(stages: Mapping[int, Stage], number: object) -> Any:
    """Return a cell that leads to a stage; its number alone where the stage is not known.

    Examples
    --------
    >>> link({3: {"name": "Join"}}, 3), link({}, 4), link({}, None)
    ({'stage': 3, 'text': 'Join'}, 4, '–')
    """
    if isinstance(number, int) and number in stages:
        return {"stage": number, "text": title_of(stages[number])}
    return UNKNOWN if number is None else number


def fact_text(value: object) -> str:
    """Return a parameter's value: numbers as they were given, not rounded; lists and mappings spelled out.

    Examples
    --------
    >>> fact_text(0.1), fact_text(None), fact_text(["a", 1])
    ('0.1', 'null', 'a, 1')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {fact_text(inner)}" for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(fact_text(inner) for inner in value)
    return number_text(value) if value is None or isinstance(value, bool) else str(value)


def facts_cards(stages: Iterable[Stage]) -> list[Mapping[str, Any]]:
    """Return a card for each stage that has facts to tell: of a graph or a tensor, or how a task went.

    Examples
    --------
    >>> facts_cards([{"id": 3, "name": "ToGraph", "facts": {"vertices": 2}}, {"id": 4, "name": "Limit"}])[0]["title"]
    'ToGraph'
    """
    told = [stage for stage in stages if stage.get("facts")]
    parts = ([{"kind": "facts", "title": "Facts", "values": stage["facts"]}] for stage in told)
    return [{"stage": stage["id"], "title": title_of(stage), "parts": made} for stage, made in zip(told, parts, strict=True)]


def sections_of(cards: Iterable[Mapping[str, Any]], stages: Mapping[int, Stage]) -> dict[str, list[Part]]:
    """Return the parts of each section that cards ask for, in the order of the cards.

    Examples
    --------
    >>> card = {"stage": 3, "title": "Edges", "parts": [{"kind": "text", "text": "4 were doubled."}]}
    >>> [part["kind"] for part in sections_of([card], {})["Results"]]
    ['heading', 'text']
    """
    sections: dict[str, list[Part]] = {}
    for card in cards:
        stage = card.get("stage")
        held = sections.setdefault(str(card.get("section") or "Results"), [])
        held.append(heading(card["title"], None if stage is None else link(stages, stage)))
        figures: list[Part] = []
        for given in card["parts"]:
            part = _made(given, stages)
            if part["kind"] == "chart":
                figures.append(part)
                continue
            held += [*group("figures", figures), *(group("panels", [part]) if part["kind"] == "facts" else [part])]
            figures = []
        held += group("figures", figures)
    return sections


def _made(part: Mapping[str, Any], stages: Mapping[int, Stage]) -> Part:
    """Return a part of a card as a page takes it."""
    kind = part["kind"]
    if kind == "text":
        return text(str(part["text"]))
    if kind == "facts":
        return facts(str(part["title"]), part["values"])
    if kind == "table":
        rows = [[_cell(value, stages, as_is=bool(part.get("as_is"))) for value in row] for row in part["rows"]]
        empty = [""] if part.get("as_is") else []  # nothing is told there, and so is no text
        numeric = [
            place
            for place in range(len(part["columns"]))
            if place and all(_is_number(row[place]) or row[place] in empty for row in part["rows"])
        ]
        made = {**table(str(part["title"]), part["columns"], rows, numeric), "style": "values" if part.get("as_is") else ""}
        return details([str(part["title"])], [made]) if part.get("folded") else made
    if kind == "bars":
        return bars(str(part["title"]), [(str(name), value if isinstance(value, int) else float(value)) for name, value in part["bars"]])
    if kind == "lines":
        return _lines(part)
    if kind == "pictures":
        return _pictures(part)
    if kind == "discs":
        return _discs(part)
    msg = f"expected a part of a card, one of {', '.join(OF_CARDS)}, got {kind!r}"
    raise ValueError(msg)


def _pictures(part: Mapping[str, Any]) -> Part:
    """Return rows of pictures, each of which is looked at before a page holds it."""
    rows = [(fact_text(name), [None if held is None else str(held) for held in pictures]) for name, *pictures in part["rows"]]
    if any(len(pictures) != len(part["columns"]) for _, pictures in rows):
        raise ValueError("expected a picture, or nothing, for each column of a row of pictures")
    if wrong := [held for _, pictures in rows for held in pictures if held is not None and not is_png_text(held)]:
        msg = f"expected pictures as PNG in base64, got {wrong[0][:40]!r}"
        raise ValueError(msg)
    return {"kind": "pictures", "title": str(part["title"]), "columns": [fact_text(name) for name in part["columns"]], "rows": rows}


def _cell(value: Any, stages: Mapping[int, Stage], *, as_is: bool = False) -> Any:
    """Return a cell of a card's table."""
    if isinstance(value, Mapping):
        return link(stages, value["stage"])
    if as_is and value is None:
        return {"quiet": "null"}
    return number_text(value) if (_is_number(value) and not as_is) or isinstance(value, bool) else fact_text(value)


def _is_number(value: Any) -> bool:
    """Whether a cell stands to the right."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _lines(part: Mapping[str, Any]) -> Part:
    """Return curves over axes that hold all of their points; a direction in which all are whole (epochs, steps, counts) has whole ticks."""
    curves = [DrawnCurve(str(one["label"]), _points(one, "y")) for one in part["curves"]]
    of = {str(one["label"]): number for number, one in reversed(list(enumerate(part["curves"])))}
    bands = [
        Band(str(one["label"]), _points(one, "low"), _points(one, "high"), of.get(str(one.get("of")))) for one in part.get("bands", ())
    ]
    lines = [*(curve.points for curve in curves), *(side for band in bands for side in (band.low, band.high))]
    points = [point for line in lines for point in line if all(map(math.isfinite, point))]
    columns = _columns(points)
    (left, right), (low, high) = ((min(values), max(values)) if values else (0.0, 1.0) for values in columns)
    whole = [bool(values) and all(value.is_integer() for value in values) for values in columns]
    pad = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    y = Axis(low - pad, high + pad, 290.0, 30.0, str(part.get("y") or ""), tick_text, whole[1])
    x = Axis(left, right if right > left else left + 1.0, room_for(y), 486.0, str(part.get("x") or ""), tick_text, whole[0])
    title = str(part["title"])
    behind = {curve.label: curve.points for curve in curves}
    behind |= {f"{band.label}, {end}": points for band in bands for end, points in (("low", band.low), ("high", band.high))}
    return chart(line_chart(title, curves, x, y, bands=bands), points_table(title, x.title, y.title, behind))


def _discs(part: Mapping[str, Any]) -> Part:
    """Return discs and their links."""
    discs = []
    for one in part["discs"]:
        value = None if one.get("value") is None else float(one["value"])
        discs.append(Disc(float(one["x"]), float(one["y"]), float(one["radius"]), str(one["label"]), str(one["told"]), value))
    links = [(int(first), int(second), float(weight)) for first, second, weight in part.get("links", ())]
    if any(not 0 <= place < len(discs) for first, second, _ in links for place in (first, second)):
        msg = f"expected links between {len(discs)} discs, got others"
        raise ValueError(msg)
    axes = (str(part["x"]), str(part["y"])) if "x" in part else None
    title = str(part["title"])
    return chart(disc_chart(title, discs, links, axes), table(title, ("Disc", "What it is"), [(disc.label, disc.told) for disc in discs]))


def _points(curve: Mapping[str, Any], along: str) -> list[tuple[float, float]]:
    """Return the points of a curve that are there."""
    return [(float(x), float(y)) for x, y in zip(curve["x"], curve[along], strict=True) if x is not None and y is not None]


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Return the places of points along each axis."""
    return [x for x, _ in points], [y for _, y in points]


def is_card(given: Any) -> bool:
    """Whether it is a card that a page can show, when it is read back from where it was kept.

    Examples
    --------
    >>> is_card({"title": "Edges", "parts": [{"kind": "text", "text": "4"}]}), is_card({"title": "Edges", "parts": [{"kind": "html"}]})
    (True, False)
    """
    try:
        sections_of([given], {})
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return False
    return isinstance(given["title"], str)
