"""When each stage of a run was at work: bars along a line of time, in a table that is read row by row as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.report.cards import Part
from gpupipe.report.charts import Axis, tick_text, ticks
from gpupipe.report.form import KINDS, Report, Stage, kind_of, title_of
from gpupipe.report.stage_sections import grouped
from gpupipe.report.units import plural, seconds_text

MOST_ROWS = 40  # the table of the stages has them all
MOST_NAMES = 3  # of stages that ran as one query
LEAST_WIDTH = 0.3  # of a bar, in percent


def timeline(report: Report) -> list[Part]:
    """Return when each stage was at work, or all that ran as one query; nothing where the report does not know."""
    rows = [row for row in map(_row, _units(report)) if row["spans"]]
    if not rows:
        return []
    end = max(float(report["seconds"] or 0.0), *(start + seconds for row in rows for start, seconds in row["spans"]))
    x = Axis(0.0, end, 0.0, 100.0)
    longest = sorted(rows, key=lambda row: -row["taken"])
    kept = sorted(longest[:MOST_ROWS], key=lambda row: row["spans"][0][0])
    rest = longest[MOST_ROWS:]
    more = f"and {plural(len(rest), 'shorter one')}, {seconds_text(sum(row['taken'] for row in rest))} together" if rest else ""
    marks = [{"left": x.at(value), "text": f"{tick_text(value)} s"} for value in ticks(0.0, end) if x.at(value) <= 97]
    for row in kept:
        places = [(x.at(start), x.at(start + seconds)) for start, seconds in row["spans"]]
        row["bars"] = [{"left": min(left, 100 - LEAST_WIDTH), "width": max(LEAST_WIDTH, round(right - left, 2))} for left, right in places]
        row["start"], row["seconds"] = seconds_text(row["spans"][0][0]), seconds_text(row["taken"])
    return [{"kind": "timeline", "title": "When each stage was at work", "marks": marks, "rows": kept, "more": more}]


def _units(report: Report) -> list[tuple[Mapping[str, Any], Sequence[Stage]]]:
    """Return what has a time of its own: a stretch with its stages, or a stage."""
    stretches = {int(stretch["id"]): stretch for stretch in report["stretches"]}
    units: list[tuple[Mapping[str, Any], Sequence[Stage]]] = []
    for number, members in grouped(report["stages"], stretches):
        units += [(stage, [stage]) for stage in members]  # a learner in a query trains by itself
        units += [] if number is None else [(stretches[number], members)]
    return units


def _row(unit: tuple[Mapping[str, Any], Sequence[Stage]]) -> dict[str, Any]:
    """Return a row of the line of time."""
    entry, members = unit
    spans = [(float(start), float(seconds)) for start, seconds in entry.get("spans") or ()]
    links = [{"stage": stage["id"], "text": title_of(stage)} for stage in members[:MOST_NAMES]]
    told, kind = KINDS[kind_of(members[0])], kind_of(members[0])
    if "peak_bytes" in entry:
        more = len(members) - MOST_NAMES
        told, kind = (f"and {more} more, " if more > 0 else "") + "as one query", "table"
    return {"links": links, "told": told, "kind": kind, "spans": spans, "taken": sum(seconds for _, seconds in spans)}
