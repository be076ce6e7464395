"""A run, or a plan, as one HTML page that holds all it needs: no network, no fonts, one small script that it can do without.

What stands on it are plain values (`cards.py`); the HTML is in ``templates/``. There is one place where a value becomes text of the page,
`_shown`, so that nothing in a report is taken for HTML.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gpupipe.report.cards import Part, facts_cards, link, sections_of, table
from gpupipe.report.cluster_section import cluster_section
from gpupipe.report.cost_sections import crossings_section, environment_section, memory_section
from gpupipe.report.drawing import draw_svg
from gpupipe.report.form import Plan, Report, drawn_from, has_device, has_run, pushed_of
from gpupipe.report.markup import printable
from gpupipe.report.result_sections import models_section, outputs_section, scores_section
from gpupipe.report.stage_sections import plan_stages_section, sources_section, stages_section
from gpupipe.report.style import PAGE_CSS
from gpupipe.report.timeline import timeline
from gpupipe.report.units import UNKNOWN, bytes_text, plural, rows_text, seconds_text

_TEMPLATES = Path(__file__).with_name("templates")
# strftime's names of months follow the locale; the page is in English.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
STATUS = {"ok": ("✓", "finished"), "failed": ("✕", "failed"), "interrupted": ("◼", "interrupted")}


def html_page(report: Report) -> str:
    """Return a run's page.

    Raises
    ------
    ArtefactError
        If the report is not of the form that ``form.py`` tells.
    """
    with drawn_from("a report"):
        return _page_of_run(report)


def _page_of_run(report: Report) -> str:
    """Return a run's page."""
    stages = {int(stage["id"]): stage for stage in report["stages"]}
    unreached = {number for number, stage in stages.items() if report["status"] != "ok" and not has_run(stage)}
    drawing = draw_svg(report["stages"], report.get("output_stages"), link="#stage-", unreached=unreached)
    told = sections_of([*facts_cards(report["stages"]), *(report.get("cards") or ()), *(report.get("previews") or ())], stages)
    sections = [
        ("scores", "Scores", scores_section(report)),
        ("outputs", "Outputs", outputs_section(report)),
        ("time", "Time", timeline(report)),
        ("pipeline", "Pipeline", _drawing(drawing)),
        ("models", "Models", models_section(report)),
        *((f"cards-{number}", name, parts) for number, (name, parts) in enumerate(told.items())),
        ("stages", "Stages", stages_section(report)),
        ("memory", "Memory", memory_section(report)),
        ("cluster", "Cluster", cluster_section(report)),
        ("crossings", "Host and device" if has_device(report) else "Copies and fallbacks", crossings_section(report)),
        ("environment", "Parameters and environment", environment_section(report)),
    ]
    return _page(report["pipeline"], "gpupipe run", _run_tiles(report), sections, _run_header(report))


def plan_page(plan: Plan) -> str:
    """Return a plan's page: what would be read and done, before anything is.

    Raises
    ------
    ArtefactError
        If the plan is not of the form that ``form.py`` tells.
    """
    with drawn_from("a plan"):
        return _page_of_plan(plan)


def _page_of_plan(plan: Plan) -> str:
    """Return a plan's page."""
    stages = plan["stages"]
    by_id = {int(stage["id"]): stage for stage in stages}
    outputs = [({"strong": name}, link(by_id, stage)) for name, stage in plan["outputs"].items()]
    sections = [
        ("pipeline", "Pipeline", _drawing(draw_svg(stages, plan["outputs"], link="#stage-"))),
        ("sources", "Sources", sources_section(stages)),
        ("outputs", "Outputs", [table("Outputs", ("Output", "From stage"), outputs)] if outputs else []),
        ("stages", "Stages", plan_stages_section(stages)),
    ]
    return _page(plan["pipeline"], "gpupipe plan", _plan_tiles(plan), sections, {})


def _page(
    title: str,
    eyebrow: str,
    tiles: Sequence[tuple[str, str, str]],
    sections: Sequence[tuple[str, str, list[Part]]],
    header: Mapping[str, Any],
) -> str:
    """Return a whole page; each section is its anchor, its name and its parts, and is left out where it has none."""
    shown = [{"anchor": anchor, "name": name, "parts": parts} for anchor, name, parts in sections if parts]
    known = {"status": None, "told": (), "error": None, "stopped": "", **header}
    return _environment().get_template("page.html").render(title=title, eyebrow=eyebrow, tiles=tiles, sections=shown, **known)


class _Environment(Environment):
    """Jinja2's, which lets an error in a template be: its own would compile and run code to make the traceback a nicer one."""

    def handle_exception(self, source: str | None = None) -> NoReturn:
        """Raise the error again."""
        error = sys.exception()
        assert error is not None
        raise error


def framed(page: str, title: str) -> str:
    """Return a page in a frame of its own, as a notebook takes it."""
    return str(_notebook().frame(page, title))


def outputs_html(title: str, told: str, shown: Sequence[Mapping[str, Any]]) -> str:
    """Return the outputs of a run as a notebook shows them: each with its name, what it is and, of a table, columns and first rows."""
    return str(_notebook().outputs(title, told, shown))


def facts_html(title: str, told: str, rows: Sequence[tuple[str, Any]], drawn: str = "") -> str:
    """Return names and values as a notebook shows them, and a drawing that unfolds."""
    return str(_notebook().facts(title, told, rows, Markup(drawn)))  # noqa: S704 - the drawing escapes its text


def drawing_html(title: str, told: str, drawn: str) -> str:
    """Return a drawing as a notebook shows it."""
    return str(_notebook().drawing(title, told, Markup(drawn)))  # noqa: S704 - as above


def progress_html(text: str, share: float | None) -> str:
    """Return a line about a run that goes on: how far it is, None where that is not known; 1 where it has ended."""
    return str(_notebook().progress(text, share))


def _notebook() -> Any:
    """Return the macros of what a notebook shows."""
    return _environment().get_template("notebook.html").module


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Return what makes pages of templates."""
    environment = _Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (_TEMPLATES / "page.js").read_text(encoding="utf-8")
    environment.globals |= {"css": Markup(PAGE_CSS), "script": Markup(script)}  # noqa: S704 - files of the package
    return environment


def _shown(value: Any) -> Any:
    """Return a value as the page shows it, before it is escaped: what cannot be seen is spelled out, markup of the package stays."""
    return value if isinstance(value, Markup) else printable(value)


def _drawing(drawn: str) -> list[Part]:
    """Return the drawing of a pipeline, whose text is escaped."""
    return [{"kind": "drawing", "title": "Drawing of the pipeline", "drawn": Markup(drawn)}]  # noqa: S704 - as it says


def started_text(started: object) -> str:
    """Return the moment a run began as a person writes it; as it stands where it is no ISO 8601 time.

    Examples
    --------
    >>> started_text("2026-11-03T03:00:00+00:00"), started_text("soon")
    ('3 November 2026, 03:00:00 UTC', 'soon')
    """
    try:
        moment = datetime.fromisoformat(str(started))
    except ValueError:
        return str(started)
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment:%Y, %H:%M:%S} {moment.tzname() or ''}".rstrip()


def _run_header(report: Report) -> dict[str, Any]:
    """Return what a reader wants to know first."""
    status = str(report["status"])
    mark, word = STATUS.get(status, ("•", status))
    told = [f"{report['engine']} engine", started_text(report["started"]), f"gpupipe {report['gpupipe']}"]
    error = report.get("error")
    return {
        "status": {"style": status if status in STATUS else "", "mark": mark, "word": word},
        "told": [*told, {"code": report["file"]}] if report.get("file") else told,
        "error": None if error is None else {"type": error["type"], "message": error["message"], "notes": error.get("notes") or ()},
        "stopped": "The run was stopped before it ended." if error is None and status == "interrupted" else "",
    }


def _run_tiles(report: Report) -> list[tuple[str, str, str]]:
    """Return the headline figures of a run."""
    stages, crossed = report["stages"], report["crossings"]
    read = [stage["rows_out"] for stage in stages if stage["kind"] == "source" and stage.get("rows_out") is not None]
    device = (crossed.get("host_to_device_bytes") or 0) + (crossed.get("device_to_host_bytes") or 0)
    copies = crossed.get("host_copies_bytes") or 0
    ran = sum(map(has_run, stages))
    crossings = [("Host ↔ device", bytes_text(device), f"{bytes_text(copies)} within the host" if copies else "")]
    fallbacks = [("Fallbacks", f"{len(report['fallbacks'])}", "")]
    return [
        ("Time", seconds_text(report["seconds"]), ""),
        ("Rows read", rows_text(sum(read)) if read else UNKNOWN, f"from {plural(len(read), 'source')}" if read else ""),
        ("Peak memory", bytes_text(report["memory"].get("peak_bytes")), ""),
        *(crossings if has_device(report) else []),
        ("Stages", f"{len(stages)}", _fused(report) if report["status"] == "ok" else f"{ran} ran"),
        *(fallbacks if has_device(report) or report["fallbacks"] else []),
    ]


def _fused(report: Report) -> str:
    """Return how many stages ran inside a stretch, empty for none."""
    fused = sum(1 for stage in report["stages"] if stage.get("stretch") is not None)
    return f"{fused} in {plural(len(report['stretches']), 'stretch')}" if fused else ""


def _plan_tiles(plan: Plan) -> list[tuple[str, str, str]]:
    """Return the headline figures of a plan."""
    sources = [stage for stage in plan["stages"] if stage.get("kind") == "source"]
    read = "; ".join(pushed_of(stage)[0] for stage in sources if pushed_of(stage)[0]) if len(sources) <= 2 else ""
    return [
        ("Stages", str(len(plan["stages"])), ""),
        ("Sources", str(len(sources)), read),
        ("Outputs", str(len(plan["outputs"])), ""),
    ]
