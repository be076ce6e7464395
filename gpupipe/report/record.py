"""The facts of a run, as they come in: what each stage did, how long it took, how much memory there was."""

from __future__ import annotations

import os
import platform
import resource
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from gpupipe.core.secret import masked, masked_parameters

PACKAGES = ("gpupipe", "polars", "narwhals", "pyarrow", "numpy", "pandas", "scikit-learn", "xgboost-cpu", "xgboost", "dask", "distributed")


LEAST_SPAN_SECONDS = 0.0005  # what is shorter has no place of its own on a line of time
MODULES = ("gpupipe", "polars", "narwhals", "pyarrow", "numpy", "pandas", "sklearn", "xgboost", "dask", "distributed")
_MEMORY = Path("/proc/self/statm")
GPU_MODULES = ("cudf", "cuml", "dask_cudf", "dask_cuda", "cupy", "rmm")


def resident_bytes() -> int:
    """Return the memory that this process holds now."""
    try:
        with _MEMORY.open("rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:  # no Linux
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class MemoryWatch:
    """Samples this process's memory in a thread of its own, while it is entered."""

    def __init__(self, every_seconds: float = 0.05) -> None:
        self.every_seconds = every_seconds
        self.samples: list[tuple[float, int]] = []
        self._started = time.perf_counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gpupipe-memory", daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._started = time.perf_counter()
        self.sample()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()
        self.sample()

    def sample(self) -> None:
        """Take one sample."""
        self.samples.append((time.perf_counter() - self._started, resident_bytes()))

    def _watch(self) -> None:
        while not self._stop.wait(self.every_seconds):
            self.sample()

    def peak_since(self, seconds: float) -> int:
        """Return the most memory held since that many seconds after the start."""
        return max((n_bytes for at, n_bytes in self.samples if at >= seconds), default=resident_bytes())

    @property
    def now(self) -> float:
        """The seconds since the start."""
        return time.perf_counter() - self._started

    def thinned(self, limit: int = 500) -> list[list[float]]:
        """Return at most about `limit` samples, the peak among them."""
        step = max(1, len(self.samples) // limit)
        kept = self.samples[::step]
        peak = max(self.samples, key=lambda sample: sample[1])
        return [[round(at, 3), n_bytes] for at, n_bytes in sorted({*kept, peak})]


@dataclass
class Record:
    """What is known of a run so far."""

    pipeline: str
    engine: str
    stages: list[dict[str, Any]]
    file: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    stretches: list[dict[str, Any]] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)
    previews: list[dict[str, Any]] = field(default_factory=list)
    cluster: Mapping[str, Any] | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: Callable[[], float] = lambda: 0.0  # seconds since the run's start

    def __post_init__(self) -> None:
        for stage in self.stages:
            stage |= {
                "rows_in": None,
                "rows_out": None,
                "columns_out": None,
                "seconds": 0.0,
                "spans": [],
                "bytes": None,
                "stretch": None,
                "note": None,
            }

    def spend(self, stage: int, seconds: float) -> None:
        """Enter time that a stage took: by itself, or where it belongs to a stretch, as a part of that."""
        stretch = self.stages[stage]["stretch"]
        entry = self.stages[stage] if stretch is None else self.stretches[stretch]
        entry["seconds"] += seconds
        self._span(entry, seconds)

    def fuse(self, stages: Sequence[int], seconds: float, peak_bytes: int) -> None:
        """Enter the time of stages that ran as one query; it takes over what each of them has taken until now."""
        number = len(self.stretches)
        whole = seconds + sum(self.stages[stage]["seconds"] for stage in stages)
        entry = {"id": number, "stages": list(stages), "seconds": whole, "peak_bytes": peak_bytes, "spans": []}
        self.stretches.append(entry)
        for stage in stages:
            self.stages[stage] |= {"seconds": 0.0, "spans": [], "stretch": number}
        self._span(entry, seconds)

    def _span(self, entry: dict[str, Any], seconds: float) -> None:
        """Enter when the time was that has just been taken: one span where it follows on the one before."""
        if seconds < LEAST_SPAN_SECONDS:
            return
        end = self.clock()
        start, spans = max(0.0, end - seconds), entry["spans"]
        if spans and start - sum(spans[-1]) < LEAST_SPAN_SECONDS:
            start = spans.pop()[0]
        spans.append([round(start, 4), round(end - start, 4)])

    def describe(self, stage: int, label: str, described: Mapping[str, Any], n_bytes: int | None = None) -> None:
        """Enter what is to be said of a stage's result."""
        entry, facts = self.stages[stage], described.get("facts")
        if facts:
            entry |= {"facts": {**entry.get("facts", {}), **facts}, "bytes": n_bytes or entry["bytes"]}
        self.models += [{"stage": stage, "label": label, **model} for model in described.get("models", [])]
        self.curves += [{"stage": stage, "label": label, **curve} for curve in described.get("curves", [])]
        self.cards += [{**card, "stage": stage} for card in described.get("cards", [])]

    def fill_rows_in(self) -> None:
        """Enter each stage's incoming rows, where all of its inputs' outgoing ones are known."""
        for stage in self.stages:
            counts = [self.stages[given]["rows_out"] for given in stage["inputs"] if self.stages[given]["schema"] is not None]
            stage["rows_in"] = sum(counts) if counts and all(count is not None for count in counts) else None

    def as_json(self, watch: MemoryWatch, ledger: Any, outputs: Mapping[str, Any], error: BaseException | None) -> dict[str, Any]:
        """Return the report as plain values."""
        self.fill_rows_in()
        interrupted = isinstance(error, KeyboardInterrupt)
        loaded = _versions_at_work()
        return {
            "gpupipe": loaded["gpupipe"],
            "pipeline": self.pipeline,
            "engine": self.engine,
            "status": "interrupted" if interrupted else "failed" if error is not None else "ok",
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(watch.now, 4),
            "file": self.file,
            "parameters": masked_parameters(self.parameters),
            "versions": loaded,
            "machine": machine(),
            "cluster": self.cluster,
            "memory": {"peak_bytes": watch.peak_since(0), "samples": watch.thinned()},
            "stages": self.stages,
            "stretches": self.stretches,
            "crossings": ledger.as_json(),
            "fallbacks": list(ledger.fallbacks),
            "outputs": dict(outputs),
            "curves": self.curves,
            "models": self.models,
            "cards": self.cards,
            "previews": self.previews,
            "error": None if error is None else error_as_json(error),
        }


def error_as_json(error: BaseException) -> dict[str, Any]:
    """Return an error as plain values."""
    return {"type": type(error).__name__, "message": masked(str(error)), "notes": masked(list(getattr(error, "__notes__", [])))}


def _version(package: str) -> str | None:
    """Return a package's version, or None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that matter to a run."""
    found = {package: _version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **{name: version for name, version in found.items() if version is not None}}


def _versions_at_work() -> dict[str, str]:
    """Return the versions of Python and of the packages that this process has loaded, which need not be looked up."""
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in MODULES + GPU_MODULES}
    return {"python": platform.python_version(), **{name: str(version) for name, version in loaded.items() if version is not None}}


def machine() -> dict[str, Any]:
    """Return what the machine is."""
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"platform": platform.platform(), "cpus": cpus, "memory_bytes": pages * os.sysconf("SC_PAGE_SIZE")}
