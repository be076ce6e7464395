"""What a run came to on its cluster: rows, bytes and seconds a worker, what was spilled, and what was lost and done again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import distributed

from gpupipe.engines._blocks import take_spent
from gpupipe.engines._crossed import take_crossed
from gpupipe.engines.dask.clusters import OpenCluster
from gpupipe.engines.dask.waiting import LOST

_SECONDS = 10.0


def described(cluster: OpenCluster, run: str, since: float) -> dict[str, Any]:
    """Return the account of a run as plain values; nothing but names where the cluster does not answer any more.

    Parameters
    ----------
    since
        When the run began, in seconds since the epoch.
    """
    client = cluster.client
    plain: dict[str, Any] = {"dashboard": None, "workers": [], "lost_workers": None, "tasks_done_again": None}
    if client.status != "running":
        return plain
    try:
        plain["dashboard"] = cluster.dashboard
        spent: Mapping[str, Any] = client.run(account_of_worker, run, on_error="ignore")
        lost = [event for at, event in client.get_events("all") if at >= since and event.get("action") == "remove-worker"]
        workers = client.scheduler_info(n_workers=-1)["workers"]
    except (OSError, TimeoutError, RuntimeError, *LOST):  # RuntimeError: the client gave the connection up meanwhile
        return plain
    plain["workers"] = [{"address": address, **_facts(workers.get(address)), **found} for address, found in spent.items()]
    plain["lost_workers"] = len(lost)
    plain["tasks_done_again"] = sum(len(event.get("lost-computed-tasks", ())) + len(event.get("processing-tasks", ())) for event in lost)
    return plain


def _facts(worker: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the scheduler knows of a worker."""
    if worker is None:
        return {"threads": None, "memory_limit": None}
    return {"threads": worker["nthreads"], "memory_limit": worker["memory_limit"]}


def account_of_worker(run: str, dask_worker: distributed.Worker) -> dict[str, Any]:
    """Return what a run came to in one worker process, and how much the process has spilled to disk since it began."""
    steps = take_spent(run)
    spilled = dict(getattr(dask_worker.data, "cumulative_metrics", {}))
    return {
        "blocks": sum(blocks for blocks, _, _, _ in steps.values()),
        "rows": sum(rows for _, rows, _, _ in steps.values()),
        "bytes": sum(n_bytes for _, _, n_bytes, _ in steps.values()),
        "seconds": sum(seconds for _, _, _, seconds in steps.values()),
        "spilled_bytes": int(spilled.get(("disk-write", "bytes"), 0)),
        "steps": {str(step): found for step, found in steps.items()},
        "crossed": take_crossed(run),
    }
