"""A pipeline's DAG drawn: as a self-contained SVG, and as text for the terminal.

The SVG holds its own style (light, and dark where the reader's system asks for it), no script, and no reference to anything
outside.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gpupipe.report.boxes import box_svg, lines_of, output_names, size_of
from gpupipe.report.coordinates import Edge, Layout, lay_out
from gpupipe.report.form import KINDS, Stages, inputs_of, kind_of
from gpupipe.report.markup import element, escape
from gpupipe.report.rails import rails_text
from gpupipe.report.style import DAG_CSS

LEGEND_HEIGHT = 20.0
LEAST_SCALE = 0.75  # text of 11 pixels is still read at this scale; below it the page scrolls
LEGEND_PIXELS = 6.4
FITTING = {"fit", "learner"}


def draw_svg(stages: Stages, outputs: Mapping[str, int] | None = None, *, link: str | None = None, unreached: Collection[int] = ()) -> str:
    """Return the DAG of the stages as an SVG document.

    Parameters
    ----------
    outputs
        The pipeline's outputs, name to stage id; the stages that give them out are marked.
    link
        What a stage's box leads to, its id put behind: ``"#stage-"``.
    unreached
        The stages that a failed run did not finish.

    Raises
    ------
    WiringError
        If the stages feed one another in a circle.

    Examples
    --------
    >>> svg = draw_svg([{"id": 0, "name": "ReadCsv", "kind": "source", "inputs": []}])
    >>> svg.startswith("<svg"), "ReadCsv" in svg
    (True, True)
    """
    boxes, layout = _boxes_svg(stages, outputs or {}, link, unreached)
    legend, legend_width, legend_rows = _legend(stages, max(layout.width, 360.0))
    top = legend_rows * LEGEND_HEIGHT + (8 if legend_rows else 0)
    width, height = max(layout.width, legend_width), layout.height + top
    shift = (width - layout.width) / 2
    graph = element("g", _edges_svg(stages, layout) + boxes, transform=f"translate({shift:g} {top:g})")
    head = element("title", f"Pipeline of {len(stages)} stages") + element("style", DAG_CSS)
    return _document(head + legend + graph, width, height, linked=link is not None)


def draw_text(stages: Stages, outputs: Mapping[str, int] | None = None) -> str:
    """Return the DAG of the stages as text, at most 100 columns wide.

    Raises
    ------
    WiringError
        If the stages feed one another in a circle.

    Examples
    --------
    >>> source = {"id": 0, "name": "ReadCsv", "kind": "source", "inputs": []}
    >>> print(draw_text([source, {"id": 1, "name": "Clip", "kind": "row", "inputs": [0]}], {"out": 1}))
    ○  0 ReadCsv · source
    ◆  1 Clip · row stage ← 0 ⇒ out
    """
    return rails_text(stages, output_names(outputs))


def path_of(edge: Edge) -> str:
    """Return an edge as SVG path data: upright inside the layers, an S-curve between them."""
    (x, y), *rest = edge.points
    data = [f"M{x:g} {y:g}"]
    for index, (x, y) in enumerate(rest):
        last_x, last_y = edge.points[index]
        if index % 2 == 0 or x == last_x:
            if y != last_y:
                data.append(f"V{y:g}")
        else:
            bend = (y - last_y) / 2
            data.append(f"C{last_x:g} {last_y + bend:g} {x:g} {y - bend:g} {x:g} {y:g}")
    return "".join(data)


def _document(content: str, width: float, height: float, *, linked: bool) -> str:
    """Return the SVG document around its content; it shrinks with the page as far as it can still be read."""
    ground = f'<rect class="g" width="{width:g}" height="{height:g}" rx="8"/>'
    style = f"width:100%;height:auto;max-width:{width:g}px;min-width:{width * LEAST_SCALE:g}px"
    role = "group" if linked else "img"  # links in an image are reached by nobody
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gp-dag" role="{role}" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" style="{style}">{ground}{content}</svg>'
    )


def _edges_svg(stages: Stages, layout: Layout) -> str:
    """Return the edges with their heads; those that carry a fitted value and not rows are dashed."""
    fitted = {int(stage["id"]) for stage in stages if kind_of(stage) in FITTING}
    drawn = []
    for edge in layout.edges:
        x, y = edge.points[-1]
        head = f"M{x - 4:g} {y - 7:g}L{x:g} {y - 0.5:g}L{x + 4:g} {y - 7:g}z"
        line = f'<path class="e" d="{path_of(edge)}"/><path class="h" d="{head}"/>'
        style = "l f" if edge.source in fitted else "l"
        drawn.append(element("g", line, class_=style, data_from=edge.source, data_to=edge.target))
    return "".join(drawn)


def _boxes_svg(stages: Stages, outputs: Mapping[str, int], link: str | None, unreached: Collection[int]) -> tuple[str, Layout]:
    """Return the boxes of the stages, and where they and the edges stand."""
    names = output_names(outputs)
    by_id = {int(stage["id"]): stage for stage in stages}
    lines = {number: lines_of(by_id[number], names.get(number, ()), reached=number not in unreached) for number in by_id}
    layout = lay_out(inputs_of(stages), {number: size_of(own) for number, own in lines.items()})
    drawn = []
    for number, stage in by_id.items():
        target = None if link is None else f"{link}{number}"
        drawn.append(box_svg(stage, lines[number], layout.boxes[number], target, reached=number not in unreached))
    return "".join(drawn), layout


def _legend(stages: Stages, room: float) -> tuple[str, float, int]:
    """Return the legend of what occurs as SVG, its width and its rows."""
    present = {kind_of(stage) for stage in stages}
    entries = [(f"k-{kind}", word) for kind, word in KINDS.items() if kind in present]
    entries += [("l f", "carries what was fitted")] if present & FITTING else []
    drawn, x, row, width = [], 14.0, 0, 0.0
    for style, word in entries:
        length = 28 + len(word) * LEGEND_PIXELS
        if x + length > room and x > 14:
            x, row = 14.0, row + 1
        y = 12 + row * LEGEND_HEIGHT
        swatch = f'<rect class="w" x="{x:g}" y="{y - 4:g}" width="10" height="10" rx="2.5"/>'
        if style == "l f":
            swatch = f'<path class="e" d="M{x - 4:g} {y + 1:g}h16"/>'
        text = element("text", escape(word), class_="s", x=f"{x + 16:g}", y=f"{y + 5:g}")
        drawn.append(element("g", swatch + text, class_=style))
        x += length
        width = max(width, x)
    return "".join(drawn), width, row + 1 if entries else 0
