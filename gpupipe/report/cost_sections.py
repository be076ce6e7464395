"""What a run cost and where it ran: memory, crossings between host and device, fallbacks, parameters, versions, machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.report.cards import Part, chart, facts, group, heading, link, points_table, table, text
from gpupipe.report.charts import Axis, area_chart, tick_text
from gpupipe.report.form import Report, has_device
from gpupipe.report.units import bytes_text, plural, seconds_text

MOST_SAMPLES = 1000
DIRECTIONS = {"host_to_device": "host to device", "device_to_host": "device to host", "host_copy": "copied within the host"}


def memory_section(report: Report) -> list[Part]:
    """Return the process' memory over the run; its peak alone where it was not sampled."""
    memory = report["memory"]
    samples = _peaks([(float(second), float(size)) for second, size in memory.get("samples") or ()])
    peak = float(memory.get("peak_bytes") or 0)
    if len(samples) < 2:
        return [text(f"The peak was {bytes_text(peak)}; the run was too short to be sampled.")] if peak else []
    highest = max(peak, *(size for _, size in samples))
    x = Axis(samples[0][0], max(samples[-1][0], samples[0][0] + 1e-6), 64.0, 1062.0, "seconds", tick_text)
    y = Axis(0.0, highest * 1.15 or 1.0, 220.0, 26.0, "", bytes_text)
    title = "Memory of the process over time"
    behind = points_table(title, "seconds", "memory", {"memory": samples}, bytes_text)
    return [chart(area_chart(title, samples, x, y, highest, f"peak {bytes_text(highest)}"), behind)]


def _peaks(samples: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return at most `MOST_SAMPLES` samples and the last: the highest of each stretch, so that no spike is lost."""
    size = -(-len(samples) // MOST_SAMPLES)
    if size <= 1:
        return list(samples)
    kept = [max(samples[start : start + size], key=lambda sample: sample[1]) for start in range(0, len(samples), size)]
    return kept if kept[-1] == samples[-1] else [*kept, samples[-1]]


def crossings_text(report: Report) -> str:
    """Return in one sentence what crossed between host and device, and what was copied within the host; empty for neither.

    Examples
    --------
    >>> crossings_text({"engine": "gpu", "crossings": {}})
    'Nothing crossed between host and device.'
    >>> crossings_text({"engine": "gpu", "crossings": {"host_to_device_bytes": 2_000_000, "device_to_host_bytes": 10}})
    '2.0 MB went from host to device and 10 B from device to host.'
    >>> crossings_text({"engine": "cpu", "crossings": {"host_copies_bytes": 2_000_000}})
    '2.0 MB were copied from one library to another within the host.'
    """
    crossed = report["crossings"]
    there, back, within = (crossed.get(key) or 0 for key in ("host_to_device_bytes", "device_to_host_bytes", "host_copies_bytes"))
    if there or back:
        told = f"{bytes_text(there)} went from host to device and {bytes_text(back)} from device to host."
    else:
        told = "Nothing crossed between host and device." if has_device(report) else ""
    told += f" {bytes_text(within)} were copied from one library to another within the host." if within else ""
    return (told + _budget_text(crossed)).strip()


def _budget_text(crossed: Mapping[str, Any]) -> str:
    """Return what of the budget was used between ingest and sinks, where a run was held to one."""
    if crossed.get("policy", "allow") == "allow":
        return ""
    used, budget = crossed.get("between_ends_bytes") or 0, crossed.get("budget_bytes") or 0
    place = "over" if used > budget else "within"
    return f" Between ingest and sinks {bytes_text(used)} crossed, {place} the budget of {bytes_text(budget)}."


def crossings_section(report: Report) -> list[Part]:
    """Return the ledger of crossings, those of one stage for one reason added up, and the fallbacks."""
    stages = {int(stage["id"]): stage for stage in report["stages"]}
    sums: dict[tuple[Any, str, str], tuple[int, float, float]] = {}
    for event in report["crossings"].get("events") or ():
        key = (event.get("stage"), str(event["direction"]), str(event.get("reason") or ""))
        count, size, seconds = sums.get(key, (0, 0.0, 0.0))
        sums[key] = (count + 1, size + (event.get("bytes") or 0), seconds + (event.get("seconds") or 0.0))
    rows = [
        (link(stages, stage), DIRECTIONS.get(way, way), f"{count:,}", bytes_text(size), seconds_text(seconds), why)
        for (stage, way, why), (count, size, seconds) in sums.items()
    ]
    told = crossings_text(report)
    parts = [text(told)] if told else []
    parts += [table("Crossings", ("Stage", "Direction", "Times", "Bytes", "Time", "Reason"), rows, (2, 3, 4))] if rows else []
    parts += _confirmed(report, stages)
    fallbacks = report["fallbacks"]
    if not fallbacks:
        return [*parts, *([text("No stage fell back.")] if has_device(report) else [])]
    fell = [(link(stages, fallback["stage"]), fallback["reason"]) for fallback in fallbacks]
    return [*parts, heading(f"{plural(len(fallbacks), 'stage')} fell back"), table("Fallbacks", ("Stage", "Reason"), fell)]


def _confirmed(report: Report, stages: Mapping[int, Any]) -> list[Part]:
    """Return what the driver recorded of copies beside what the ledger has, where a run was confirmed."""
    confirmed = report["crossings"].get("confirmed")
    if confirmed is None:
        return []
    ledger: dict[tuple[Any, str], int] = {}
    for event in report["crossings"].get("events") or ():
        key = (event.get("stage"), str(event["direction"]))
        ledger[key] = ledger.get(key, 0) + (event.get("bytes") or 0)
    ways = ("host_to_device", "device_to_host")
    rows = [
        (
            "outputs" if entry["stage"] is None else link(stages, entry["stage"]),
            *(bytes_text(ledger.get((entry["stage"], way), 0)) for way in ways),
            *(bytes_text(entry[way]) for way in ways),
            f"{entry['copies']:,}",
            bytes_text(entry["largest"]),
        )
        for entry in confirmed
    ]
    columns = ("Stage", "To device, ledger", "To host, ledger", "To device, driver", "To host, driver", "Copies", "Largest")
    return [heading("Confirmed by the driver's records"), table("Confirmed", columns, rows, range(1, 7))]


def environment_section(report: Report) -> list[Part]:
    """Return what the run was given and where it ran."""
    machine: Mapping[str, Any] = report["machine"]
    told = {
        "platform": machine.get("platform"),
        "CPUs": machine.get("cpus"),
        "memory": bytes_text(machine.get("memory_bytes")),
        **{name: value for name, value in machine.items() if name not in ("platform", "cpus", "memory_bytes")},
    }
    known = {name: value for name, value in told.items() if value is not None}
    panels = {"Parameters": report["parameters"], "Versions": report["versions"], "Machine": known}
    return group("panels", [facts(title, values) for title, values in panels.items() if values])
