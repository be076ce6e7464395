"""The pieces every page is made of: sections, tables, facts, tiles, names of stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gpupipe.report.form import KINDS, Stage, kind_of, title_of
from gpupipe.report.markup import element, escape
from gpupipe.report.style import PAGE_CSS
from gpupipe.report.units import number_text

# Pointing at a stage in the drawing brings out the edges that touch it. Without it the page loses nothing else.
HOVER_SCRIPT = """
document.querySelectorAll('.gp-dag').forEach(function (dag) {
  dag.querySelectorAll('.n').forEach(function (stage) {
    var id = stage.dataset.stage;
    function mark(on) {
      dag.querySelectorAll('.l').forEach(function (edge) {
        if (edge.dataset.from === id || edge.dataset.to === id) edge.classList.toggle('hot', on);
      });
    }
    stage.addEventListener('pointerenter', function () { mark(true); });
    stage.addEventListener('pointerleave', function () { mark(false); });
  });
});
"""


def page(title: str, header: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """Return a whole page; each section is its anchor, its heading and its content, and is left out where that is empty."""
    shown = [part for part in sections if part[2]]
    links = "".join(element("li", element("a", escape(name), href=f"#{anchor}")) for anchor, name, _ in shown)
    navigation = f'<nav aria-label="Sections"><ul>{links}</ul></nav>'
    body = "".join(_section(anchor, name, content) for anchor, name, content in shown)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{PAGE_CSS}</style></head>"
        f"<body><header>{header}</header>{navigation}<main>{body}</main><script>{HOVER_SCRIPT}</script></body></html>\n"
    )


def _section(anchor: str, name: str, content: str) -> str:
    heading = element("h2", escape(name), id=f"{anchor}-heading")
    return element("section", heading + content, id=anchor, aria_labelledby=f"{anchor}-heading")


def paragraph(text: str, style: str | None = None) -> str:
    """Return plain text as a paragraph."""
    return element("p", escape(text), class_=style)


def scrolling(content: str, label: str) -> str:
    """Return content that may be wider than the page, in a box that scrolls, by keyboard too."""
    return element("div", content, class_="scroll", tabindex="0", role="region", aria_label=label)


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """Return a table whose cells are markup already; the first of a row names it, the columns in `numeric` stand to the right."""
    numbers = frozenset(numeric)
    head = "".join(
        element("th", escape(name), scope="col", class_="num" if place in numbers else None) for place, name in enumerate(headings)
    )
    body = []
    for row in rows:
        first = element("th", row[0], scope="row")
        rest = [element("td", cell, class_="num" if place in numbers else None) for place, cell in enumerate(row[1:], start=1)]
        body.append(element("tr", first + "".join(rest)))
    told = element("caption", escape(caption))
    return scrolling(element("table", f"{told}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"), caption)


def facts(heading: str, values: Mapping[str, object]) -> str:
    """Return names and values in two columns under a heading; empty for none."""
    if not values:
        return ""
    rows = "".join(element("div", element("dt", escape(name)) + element("dd", escape(fact_text(value)))) for name, value in values.items())
    return element("div", element("h3", escape(heading)) + element("dl", rows, class_="facts"), class_="panel")


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


def names_list(names: Iterable[object]) -> str:
    """Return names of columns side by side."""
    listed = " ".join(element("code", escape(name)) for name in names)
    return element("span", listed, class_="names") if listed else ""


def tiles(values: Sequence[tuple[str, str, str]]) -> str:
    """Return the headline figures: each a name, a value, and a remark that may be empty."""
    shown = []
    for name, value, remark in values:
        small = element("small", escape(remark)) if remark else ""
        shown.append(element("div", element("dt", escape(name)) + element("dd", escape(value) + small)))
    return element("dl", "".join(shown), class_="tiles")


def chip(stage: Stage) -> str:
    """Return the kind of a stage as a coloured word."""
    kind = kind_of(stage)
    return element("span", escape(KINDS[kind]), class_=f"chip k-{kind}")


def stage_name(stage: Stage) -> str:
    """Return a stage's title, and the name of its class beside it where that is another."""
    title = element("b", escape(title_of(stage)))
    return title + (f" {element('span', escape(stage['name']), class_='quiet')}" if stage.get("label") else "")


def stage_link(stages: Mapping[int, Stage], number: object) -> str:
    """Return the title of a stage as a link to its row; its number alone where the stage is not known."""
    if isinstance(number, int) and number in stages:
        return element("a", escape(title_of(stages[number])), href=f"#stage-{number}")
    return escape("–" if number is None else number)
