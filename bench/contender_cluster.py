"""A contender on a Dask cluster of its own: the run is timed on a cluster that is up, and its workers are accounted for one by one."""

from __future__ import annotations

import importlib
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import distributed
import psutil

from bench.contender import files, report

N_WORKERS = 2

ClusterEtl = Callable[[distributed.LocalCluster, list[str], list[str], str | None, str], Mapping[str, object]]


def measure_on_cluster(etl: ClusterEtl, options: Namespace, imports: Sequence[str] = ()) -> None:
    """One call of `etl` on a fresh cluster of 2 workers with a thread each, timed, and its JSON line on stdout.

    Beside what every contender prints, the line has `startup_seconds` of the cluster, which `seconds` does not hold, and of the run
    `worker_cpu_seconds` (all workers), `driver_cpu_seconds` (this process, which is client and scheduler) and
    `worker_peak_rss_bytes` (the worker that had most), with `each_worker`'s own.

    Parameters
    ----------
    imports
        The modules that workers import before the clock starts.
    """
    performance, acquisition = files(options.performance), files(options.acquisition)
    started = time.perf_counter()
    with (
        distributed.LocalCluster(n_workers=N_WORKERS, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(N_WORKERS)
        startup = time.perf_counter() - started
        for module in imports:
            client.run(importlib.import_module, module)
        workers = [psutil.Process(pid) for pid in client.run(_pid).values()]
        for worker in workers:
            # 5 sets the peak of resident memory back to what is resident now: proc(5), clear_refs.
            Path(f"/proc/{worker.pid}/clear_refs").write_text("5")
        processes = [psutil.Process(), *workers]
        before = [_cpu_seconds(process) for process in processes]
        started = time.perf_counter()
        facts = etl(cluster, performance, acquisition, options.names, options.out)
        seconds = time.perf_counter() - started
        driver, *each = (_cpu_seconds(process) - then for process, then in zip(processes, before, strict=True))
        peaks = [_peak_rss_bytes(worker.pid) for worker in workers]
    found = {
        "startup_seconds": startup,
        "worker_cpu_seconds": sum(each),
        "driver_cpu_seconds": driver,
        "worker_peak_rss_bytes": max(peaks),
        "each_worker": [{"cpu_seconds": cpu, "peak_rss_bytes": peak} for cpu, peak in zip(each, peaks, strict=True)],
    }
    report(seconds, {**facts, **found})


def _pid() -> int:
    return psutil.Process().pid


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak_rss_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
