"""A run, or a plan, as one HTML page that holds all it needs: no network, no fonts, one small script that it can do without."""

from __future__ import annotations

from datetime import datetime

from gpupipe.report.drawing import draw_svg
from gpupipe.report.form import Plan, Report, drawn_from, has_run, pushed_of
from gpupipe.report.html_cluster import cluster_section
from gpupipe.report.html_facts import crossings_section, environment_section, memory_section
from gpupipe.report.html_models import models_section, outputs_section, scores_section
from gpupipe.report.html_parts import page, paragraph, scrolling, stage_link, table, tiles
from gpupipe.report.html_stages import plan_stages_section, sources_section, stages_section
from gpupipe.report.markup import element, escape
from gpupipe.report.units import UNKNOWN, bytes_text, plural, rows_text, seconds_text

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
    unreached = {int(stage["id"]) for stage in report["stages"] if report["status"] != "ok" and not has_run(stage)}
    drawing = draw_svg(report["stages"], report.get("output_stages"), link="#stage-", unreached=unreached)
    sections = [
        ("pipeline", "Pipeline", scrolling(drawing, "Drawing of the pipeline")),
        ("outputs", "Outputs", outputs_section(report)),
        ("scores", "Scores", scores_section(report)),
        ("models", "Models", models_section(report)),
        ("stages", "Stages", stages_section(report)),
        ("memory", "Memory", memory_section(report)),
        ("cluster", "Cluster", cluster_section(report)),
        ("crossings", "Host and device", crossings_section(report)),
        ("environment", "Parameters and environment", environment_section(report)),
    ]
    return page(f"{report['pipeline']} · gpupipe run", _run_header(report), sections)


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
    outputs = [(element("b", escape(name)), stage_link(by_id, stage)) for name, stage in plan["outputs"].items()]
    header = element("p", "gpupipe plan", class_="eyebrow") + element("h1", escape(plan["pipeline"]))
    header += tiles(_plan_tiles(plan))
    sections = [
        ("pipeline", "Pipeline", scrolling(draw_svg(stages, plan["outputs"], link="#stage-"), "Drawing of the pipeline")),
        ("sources", "Sources", sources_section(stages)),
        ("outputs", "Outputs", table("Outputs", ("Output", "From stage"), outputs) if outputs else ""),
        ("stages", "Stages", plan_stages_section(stages)),
    ]
    return page(f"{plan['pipeline']} · gpupipe plan", header, sections)


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


def _run_header(report: Report) -> str:
    """Return what a reader wants to know first."""
    status = str(report["status"])
    mark, word = STATUS.get(status, ("•", status))
    badge = element("span", f'<span aria-hidden="true">{mark}</span> {escape(word)}', class_=f"status {status if status in STATUS else ''}")
    told = [f"{report['engine']} engine", started_text(report["started"]), f"gpupipe {report['gpupipe']}"]
    line = " · ".join(escape(part) for part in told)
    if report.get("file"):
        line += f" · {element('code', escape(report['file']))}"
    head = element("p", "gpupipe run", class_="eyebrow") + element("h1", f"{escape(report['pipeline'])} {badge}")
    return head + element("p", line, class_="meta") + _error(report) + tiles(_run_tiles(report))


def _run_tiles(report: Report) -> list[tuple[str, str, str]]:
    """Return the headline figures of a run."""
    stages, crossed = report["stages"], report["crossings"]
    read = [stage["rows_out"] for stage in stages if stage["kind"] == "source" and stage.get("rows_out") is not None]
    device = (crossed.get("host_to_device_bytes") or 0) + (crossed.get("device_to_host_bytes") or 0)
    copies = crossed.get("host_copies_bytes") or 0
    ran = sum(map(has_run, stages))
    return [
        ("Time", seconds_text(report["seconds"]), ""),
        ("Rows read", rows_text(sum(read)) if read else UNKNOWN, f"from {plural(len(read), 'source')}" if read else ""),
        ("Peak memory", bytes_text(report["memory"].get("peak_bytes")), ""),
        ("Host ↔ device", bytes_text(device), f"{bytes_text(copies)} within the host" if copies else ""),
        ("Stages", f"{len(stages)}", _fused(report) if report["status"] == "ok" else f"{ran} ran"),
        ("Fallbacks", f"{len(report['fallbacks'])}", ""),
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


def _error(report: Report) -> str:
    """Return why a run did not finish; empty where it did."""
    error = report.get("error")
    if error is None:
        return paragraph("The run was stopped before it ended.", "stopped") if report["status"] == "interrupted" else ""
    notes = "".join(element("li", escape(note)) for note in error.get("notes") or ())
    content = element("h2", escape(error["type"])) + element("p", escape(error["message"]), class_="message")
    return element("div", content + (element("ul", notes) if notes else ""), class_="error", role="alert")
