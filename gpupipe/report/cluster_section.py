"""What a run came to on its cluster: a line a worker, what was lost and done again, and what was tried anew."""

from __future__ import annotations

from gpupipe.report.cards import Part, heading, table, text
from gpupipe.report.form import Report
from gpupipe.report.units import UNKNOWN, bytes_text, plural, seconds_text


def cluster_text(report: Report) -> str:
    """Return in one line where the run went and what happened there; empty for a run without a cluster.

    Examples
    --------
    >>> cluster_text({"cluster": {"workers": [{"spilled_bytes": 3_000_000}], "lost_workers": 1, "tasks_done_again": 4}})
    '1 worker; 3.0 MB were spilled to disk; 1 worker was lost, and 4 tasks were done again.'
    """
    cluster = report.get("cluster")
    if not cluster:
        return ""
    workers = cluster.get("workers") or ()
    spilled = sum(worker.get("spilled_bytes") or 0 for worker in workers)
    told = [plural(len(workers), "worker")]
    told += [f"{bytes_text(spilled)} were spilled to disk"] if spilled else []
    lost = cluster.get("lost_workers") or 0
    if lost:
        again = plural(cluster.get("tasks_done_again") or 0, "task")
        told.append(f"{plural(lost, 'worker')} {'was' if lost == 1 else 'were'} lost, and {again} were done again")
    return f"{'; '.join(told)}."


def cluster_section(report: Report) -> list[Part]:
    """Return the workers and what each came to; nothing for a run without a cluster."""
    cluster = report.get("cluster")
    if not cluster:
        return []
    parts = [text(cluster_text(report))]
    rows = [
        (
            worker["address"],
            worker.get("threads") or UNKNOWN,
            bytes_text(worker.get("memory_limit")) if worker.get("memory_limit") else UNKNOWN,
            f"{worker['blocks']:,}",
            f"{worker['rows']:,}",
            bytes_text(worker["bytes"]),
            seconds_text(worker["seconds"]),
            bytes_text(worker["spilled_bytes"]),
        )
        for worker in cluster.get("workers") or ()
    ]
    columns = ("Worker", "Threads", "Memory", "Blocks made", "Rows", "Bytes", "Time in stages", "Spilled")
    parts += [table("Workers", columns, rows, range(1, len(columns)))] if rows else []
    retries = cluster.get("retries") or ()
    return [*parts, heading("Begun again"), *(text(f"With {retry}", "") for retry in retries)] if retries else parts
