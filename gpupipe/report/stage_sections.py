"""The stages on a page: what each took and gave, which of them ran as one query, what sources read, and the schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpupipe.report.cards import Part, details, fact_text, link, table, text
from gpupipe.report.form import (
    KINDS,
    LEAST_SECONDS,
    Report,
    Stage,
    Stages,
    has_run,
    kind_of,
    pushed_of,
    seconds_around,
    seconds_within,
    title_of,
)
from gpupipe.report.units import UNKNOWN, bytes_text, plural, rows_text, seconds_text, share_text

COLUMNS = ("#", "Stage", "Kind", "Rows in", "Rows out", "Columns", "Bytes", "Time", "Share")
NUMERIC = frozenset((0, 3, 4, 5, 6, 7))


def stages_section(report: Report) -> list[Part]:
    """Return the table of the stages; those of one stretch stand together under its shared time."""
    stretches = {int(stretch["id"]): stretch for stretch in report["stretches"]}
    whole = max(float(report["seconds"] or 0.0), seconds_within(report))
    bodies = []
    for number, members in grouped(report["stages"], stretches):
        rows = [_row(stage, whole, fused=number is not None) for stage in members]
        bodies.append(
            _body(rows, whole) if number is None else _body(rows, whole, _stretch_text(stretches[number], members), stretches[number])
        )
    around = seconds_around(report)
    if around >= LEAST_SECONDS:  # so that the times add up
        told = "Around the stages: engine and cluster opened and closed, outputs handed over"
        bodies.append(_body([], whole, told, {"seconds": around}))
    parts = []
    if stretches:
        parts.append(text("Stages under a stretch were fused by the engine and ran as one query: their time is known only together."))
    parts += _checkpoints(report)
    caption = "Stages in the order they were wired"
    parts.append({"kind": "stages", "title": "Stages", "caption": caption, "columns": COLUMNS, "numeric": NUMERIC, "bodies": bodies})
    return [*parts, *schemas(report["stages"])]


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


def _checkpoints(report: Report) -> list[Part]:
    """Return what came from checkpoints, and why something was not kept or taken; nothing for a run without."""
    told = checkpoints_text(report)
    if not told:
        return []
    by_id = {int(stage["id"]): stage for stage in report["stages"]}
    remarks = report["checkpoints"]["remarks"]
    lines = [{"links": [link(by_id, number) for number in remark["stages"]], "text": remark["text"]} for remark in remarks]
    return [text(told), *([{"kind": "lines", "lines": lines}] if lines else [])]


def _named(stage: Stage) -> dict[str, Any]:
    """Return what a stage is called, where it stands and of which kind it is."""
    kind = kind_of(stage)
    name = stage["name"] if stage.get("label") else ""
    named = {"id": stage["id"], "title": title_of(stage), "class": name, "where": stage.get("where") or ""}
    return {**named, "kind": kind, "kind_text": KINDS[kind]}


def _row(stage: Stage, whole: float, *, fused: bool) -> dict[str, Any]:
    """Return the table row of a stage."""
    seconds = stage.get("seconds") or 0.0
    shared = fused and seconds < LEAST_SECONDS
    columns, predicate = pushed_of(stage)
    notes = [f"reads {columns}" + (f", where {predicate}" if predicate else "")] if columns else []
    notes += [" · ".join(f"{name} {fact_text(value)}" for name, value in stage["facts"].items())] if stage.get("facts") else []
    notes += [str(stage["note"])] if stage.get("note") else []
    figures = [rows_text(stage.get(name)) for name in ("rows_in", "rows_out", "columns_out")]
    return {
        **_named(stage),
        "notes": notes,
        "figures": [*figures, bytes_text(stage.get("bytes"))],
        "seconds": {"quiet": "shared"} if shared else seconds_text(seconds if has_run(stage) else None),
        "share": None if shared else _share(seconds, whole),
    }


def _body(rows: Sequence[Any], whole: float, head: str = "", timed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return rows under a head with its own time, or rows alone."""
    if timed is None:
        return {"rows": rows, "head": ""}
    return {"rows": rows, "head": head, "seconds": seconds_text(timed["seconds"]), "share": _share(timed["seconds"], whole)}


def _stretch_text(stretch: Mapping[str, Any], members: Sequence[Stage]) -> str:
    """Return what stands above the members of a stretch."""
    peak = stretch.get("peak_bytes")
    return f"Stretch {stretch['id']} · {plural(len(members), 'stage')} as one query" + (
        f" · peak memory {bytes_text(peak)}" if peak else ""
    )


def _share(seconds: float, whole: float) -> dict[str, str] | None:
    """Return a share of the run's time as the width of a bar with its figure."""
    if whole <= 0 or seconds <= 0:
        return None
    return {"width": f"{max(1.0, 100 * seconds / whole):.1f}", "text": share_text(seconds, whole)}


def sources_section(stages: Stages) -> list[Part]:
    """Return what each source was told to read: columns and filter; nothing where nothing is known of it."""
    rows = []
    for stage in stages:
        if stage.get("kind") == "source":
            columns, predicate = pushed_of(stage)
            names = (stage.get("pushed") or {}).get("columns") or ()
            where = {"code": predicate} if predicate else {"quiet": "every row"}
            rows.append((_named(stage), columns or "all columns", {"names": names} if names else UNKNOWN, where))
    if not rows:
        return []
    lead = text("What the stages after it need, worked out before a byte is read. Every engine reads only this.")
    return [lead, table("Sources", ("Source", "Reads", "Columns", "Rows"), rows)]


def schemas(stages: Stages) -> list[Part]:
    """Return each stage's schema, folded away; nothing where none is known."""
    folded = [_schema(stage, [{"quiet": stage["id"]}, {"strong": title_of(stage)}]) for stage in stages if stage.get("schema") is not None]
    return [details([f"Schemas of {plural(len(folded), 'stage')}"], folded, "schemas")] if folded else []


def _schema(stage: Stage, titles: Sequence[Any]) -> Part:
    """Return a stage's schema folded away behind its title."""
    fields = stage["schema"]
    rows = [({"code": name}, dtype, "may be null" if nullable else "never null") for name, dtype, nullable in fields]
    count = {"quiet": plural(len(fields), "column")}
    return details([*titles, count], [table(f"Schema of {title_of(stage)}", ("Column", "Dtype", "Nulls"), rows)], "schema")


def plan_stages_section(stages: Stages) -> list[Part]:
    """Return the planned stages: inputs, place in the file, and schema."""
    by_id = {int(stage["id"]): stage for stage in stages}
    rows = [
        {
            **_named(stage),
            "inputs": [link(by_id, number) for number in stage.get("inputs") or ()],
            "parts": [_schema(stage, [])] if stage.get("schema") is not None else [],
        }
        for stage in stages
    ]
    return [{"kind": "plan", "rows": rows}]
