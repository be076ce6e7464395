"""What stands in a stage's box: its lines, its size, its tooltip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpupipe.report.coordinates import Box
from gpupipe.report.form import KINDS, Stage, kind_of, pushed_of, title_of
from gpupipe.report.markup import cut, display_width, element, escape, one_line
from gpupipe.report.units import plural, rows_text, seconds_text

TITLE_CHARACTERS = 26
LINE_CHARACTERS = 32
TITLE_PIXELS = 8.1
LINE_PIXELS = 6.4
LEAST_WIDTH = 104.0
SIDE = 16.0
TOOLTIP_COLUMNS = 60


@dataclass(frozen=True)
class Line:
    """A line of a box: its text, and the class that says how it looks."""

    text: str
    style: str
    height: float
    pixels: float

    @property
    def width(self) -> float:
        """How wide it will be, about: fonts differ from one reader to the next."""
        return display_width(self.text) * self.pixels


def lines_of(stage: Stage, outputs: Sequence[str], *, reached: bool) -> list[Line]:
    """Return the lines of a stage's box; `outputs` are the names under which the pipeline gives out its result."""
    kind = KINDS[kind_of(stage)]
    named = bool(stage.get("label")) and stage["label"] != stage["name"]
    lines = [Line(cut(title_of(stage), TITLE_CHARACTERS), "t", 17, TITLE_PIXELS)]
    lines.append(_line(f"{stage['name']} · {kind}" if named and str(stage["name"]).lower() != kind else kind, "s"))
    columns, predicate = pushed_of(stage)
    if columns:
        lines.append(_line(f"reads {columns}", "p"))
    if predicate:
        lines.append(_line(f"where {predicate}", "p"))
    size = _size(stage)
    if size:
        spent = stage.get("seconds") or 0.0
        fused = stage.get("stretch") is not None and spent < 0.0005
        time = f" · stretch {stage['stretch']}" if fused else f" · {seconds_text(spent)}" if spent >= 0.0005 else ""
        lines.append(_line(size + time, "r"))
    if not reached:
        lines.append(_line("did not finish", "r"))
    if outputs:
        lines.append(_line(f"{'output' if len(outputs) == 1 else 'outputs'}: {', '.join(outputs)}", "o"))
    return lines


def _size(stage: Stage) -> str:
    """Return how large a stage's result is: rows and columns, or the first facts of a graph or a tensor; empty where nobody knows.

    Examples
    --------
    >>> _size({"rows_out": 3, "columns_out": 2}), _size({"kind": "task", "facts": {"vertices": 3000, "edges": 2, "loops": 0}})
    ('3 × 2', '3,000 vertices · 2 edges')
    """
    if stage.get("rows_out") is not None:
        width = stage.get("columns_out")
        return plural(stage["rows_out"], "row") if width is None else f"{rows_text(stage['rows_out'])} × {width}"
    facts = list((stage.get("facts") or {}).items())[:2] if stage.get("kind") == "task" else []
    return " · ".join(f"{value:,} {name}" if isinstance(value, int) else str(value) for name, value in facts if not isinstance(value, bool))


def size_of(lines: Sequence[Line]) -> tuple[float, float]:
    """Return the width and height of a box around these lines."""
    width = max(LEAST_WIDTH, max(line.width for line in lines) + 2 * SIDE)
    return float(round(width)), sum(line.height for line in lines) + 15


def box_svg(stage: Stage, lines: Sequence[Line], box: Box, link: str | None, *, reached: bool) -> str:
    """Return a stage's box as SVG; `link` is what it leads to, None for nowhere; one that was not reached has a broken frame."""
    tooltip = element("title", escape(tooltip_of(stage)))
    parts = [
        f'<rect class="b" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="7"/>',
        f'<path class="k" d="M{box.x + 5:g} {box.y + 9:g}v{box.height - 18:g}"/>',
    ]
    baseline = box.y + 5
    for line in lines:
        baseline += line.height
        parts.append(element("text", escape(line.text), class_=line.style, x=f"{box.x + SIDE:g}", y=f"{baseline:g}"))
    body = element("g", tooltip + "".join(parts), class_=f"n k-{kind_of(stage)}{'' if reached else ' off'}", data_stage=stage["id"])
    return body if link is None else element("a", body, href=link)


def tooltip_of(stage: Stage) -> str:
    """Return all that is known of a stage, for the reader who points at its box."""
    label = f" ({one_line(stage['label'])})" if stage.get("label") else ""
    told = [f"{stage['id']} {one_line(stage['name'])}{label}", KINDS[kind_of(stage)]]
    if stage.get("where"):
        told.append(one_line(stage["where"]))
    columns, predicate = pushed_of(stage)
    if columns:
        told.append(f"reads {columns}: {', '.join(stage['pushed']['columns'] or ())}")
    if predicate:
        told.append(f"where {predicate}")
    if stage.get("stretch") is not None:
        told.append(f"fused into stretch {stage['stretch']}: its own time is not known")
    schema = stage.get("schema") or ()
    told += [dtype_line(field) for field in schema[:TOOLTIP_COLUMNS]]
    if len(schema) > TOOLTIP_COLUMNS:
        told.append(f"and {plural(len(schema) - TOOLTIP_COLUMNS, 'more column')}")
    return "\n".join(told)


def dtype_line(field: Sequence[object]) -> str:
    """Return a column of a schema as text.

    Examples
    --------
    >>> dtype_line(["dti", "Float64", True]), dtype_line(["loan_id", "Int64", False])
    ('dti: Float64', 'loan_id: Int64, never null')
    """
    name, dtype, nullable = field
    return f"{name}: {dtype}" if nullable else f"{name}: {dtype}, never null"


def output_names(outputs: Mapping[str, int] | None) -> dict[int, list[str]]:
    """Return the names of the outputs that each stage gives out.

    Examples
    --------
    >>> output_names({"model": 4, "features": 4})
    {4: ['model', 'features']}
    """
    names: dict[int, list[str]] = {}
    for name, stage in (outputs or {}).items():
        names.setdefault(int(stage), []).append(str(name))
    return names


def _line(text: str, style: str) -> Line:
    return Line(cut(text, LINE_CHARACTERS), style, 15, LINE_PIXELS)
