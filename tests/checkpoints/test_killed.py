"""Runs killed with SIGKILL at random moments, and continued: the outputs are those of a run that nobody disturbed.

GPUPIPE_KILLS says at how many moments (8 unless given), GPUPIPE_KILL_SEED which ones.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.checkpoints.store import Store
from gpupipe.definition import load_definition

KILLS = int(os.environ.get("GPUPIPE_KILLS", "8"))
SEED = int(os.environ.get("GPUPIPE_KILL_SEED", "0"))
FLOW = '''
"""Phases one after the other, each with a fit that takes its time."""
from __future__ import annotations
import time
from dataclasses import dataclass
import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.linear_model import Ridge
import gpupipe as gp
from gpupipe.core.fit import FitStage
from gpupipe.core.stage import RowStage

@dataclass(frozen=True)
class Shifted(RowStage):
    by: float
    def run(self, verbs, *frames):
        return frames[0].with_columns(x=nw.col("x") * 1.25 - self.by)

@dataclass(frozen=True)
class Shift(FitStage):
    seconds: float
    def measure(self, verbs, frame):
        return frame.select(n=nw.len(), s=nw.col("x").sum())
    def merge(self, measured):
        whole = pa.concat_tables(measured)
        return pa.table({"n": [pc.sum(whole["n"]).as_py()], "s": [pc.sum(whole["s"]).as_py()]})
    def finish(self, statistics):
        n, s = statistics["n"][0].as_py(), statistics["s"][0].as_py()
        if n:
            time.sleep(self.seconds)
        return Shifted(s / n if n else 0.0)

def pipeline(folder: str, out: str):
    table = gp.ReadParquet(f"{folder}/rows.parquet").node().named("source") >> gp.SortRows("id")
    table = table.named("sorted")
    outputs = {}
    for number in range(6):
        fitted = Shift(0.06).fit(table).named(f"fit {number}")
        table = fitted(table).named(f"table {number}")
        outputs[f"n{number}"] = gp.Scalar(n=gp_len(), x=nw.col("x").max())(table).named(f"value {number}")
    model = gp.Learn(Ridge(), target="y", features="x").fit(table).named("model")
    outputs["scores"] = gp.Evaluate(("mse", "r2"), target="y")(model.predict(table)).named("scores")
    outputs["out"] = gp.WriteParquet(out)(model.predict(table))
    return gp.Pipeline("phases", outputs, model=model, last=table)

def gp_len():
    return nw.len()
'''
# Imports once, and forks for each run before a query has started any threads.
RUNNER = """
import os, sys, time
import pandas, polars, sklearn.linear_model, skops.io
import gpupipe.checkpoints.keeper, gpupipe.engines.pandas.engine, gpupipe.engines.polars.engine
from gpupipe.definition import load_definition
for line in sys.stdin:
    folder, out, engine, kept = line.split()
    child = os.fork()
    if child == 0:
        definition = load_definition(folder + "/ckp_phases.py")
        made = definition.build(definition.values(["folder=" + folder, "out=" + out]))
        print("ready", os.getpid(), flush=True)
        started = time.perf_counter()
        made.run(engine, checkpoints=kept)
        print("done", time.perf_counter() - started, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("ended", 0, flush=True)
"""


class Runner:
    """A process that runs the pipeline in processes of their own."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(gp.__file__).parents[1])}
        command = [sys.executable, "-c", RUNNER]
        self.folder = folder
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, out: Path, engine: str, kept: Path) -> int:
        """Return the process of a run that has got as far as to begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self.folder} {out} {engine} {kept}\n")
        self.process.stdin.flush()
        return int(self.read("ready"))

    def read(self, word: str) -> float:
        """Return the number behind a word, which must come next."""
        assert self.process.stdout is not None
        said, number = self.process.stdout.readline().split()
        assert said == word
        return float(number)

    def wait(self) -> None:
        """Wait for the run to end, by itself or not."""
        assert self.process.stdout is not None
        while not self.process.stdout.readline().startswith("ended"):
            pass


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """Return a process that runs the pipeline of the folder."""
    (tmp_path / "ckp_phases.py").write_text(FLOW)
    values = [i / 7 if i % 11 else 0.0 for i in range(2000)]
    pl.DataFrame({"id": range(2000), "x": values, "y": [i % 5 for i in range(2000)]}).write_parquet(tmp_path / "rows.parquet")
    made = Runner(tmp_path)
    yield made
    made.process.communicate(timeout=300)


def _plain(result: Any, out: Path) -> list[str]:
    """Return a run's outputs as text that compares."""
    last = result["last"].to_arrow()
    frame = pl.DataFrame({"x": [0.25, -3.0]})
    values = [repr(result[name]) for name in result if name not in ("last", "model", "out")]
    rows = [repr(last.schema), repr(last.to_pylist()), repr(pl.read_parquet(out).rows())]
    return [*values, *rows, repr(result["model"].apply(frame).rows())]


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
def test_a_killed_run_continues_to_the_same_outputs(engine: str, runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    definition = load_definition(str(tmp_path / "ckp_phases.py"))

    def run(out: Path, **options: Any) -> list[str]:
        result = definition.build(definition.values([f"folder={tmp_path}", f"out={out}"])).run(engine, **options)
        reports.append(result.report)
        return _plain(result, out)

    reports: list[Any] = []
    expected = run(tmp_path / "plain.parquet")
    runner.start(tmp_path / "whole.parquet", engine, tmp_path / "whole")
    seconds = runner.read("done")
    runner.wait()
    n_whole = len(list(Store(str(tmp_path / "whole")).entries()))
    chance, found = random.Random(f"{SEED} {engine}"), []
    n_kills = (KILLS + 1) // 2
    for number in range(n_kills):
        kept, out = tmp_path / f"kept-{number}", tmp_path / f"out-{number}.parquet"
        child = runner.start(out, engine, kept)
        time.sleep(seconds * (number + chance.random()) / n_kills)
        with suppress(ProcessLookupError):  # it was faster than the one that was measured
            os.kill(child, signal.SIGKILL)
        runner.wait()
        before = {entry.stage for entry in Store(str(kept)).entries()} if kept.exists() else set()
        found.append(len(before))
        assert run(out, checkpoints=str(kept), resume=True) == expected
        assert not reports[-1]["checkpoints"]["remarks"]
        fates = {f"{stage['name']} ({stage['label']})": stage["checkpoint"] for stage in reports[-1]["stages"]}
        computed = {title for title in before if fates[title] not in ("taken", "skipped")}
        assert not computed, f"killed after {found[-1]} of {n_whole} results were kept"
    del sys.modules["ckp_phases"]
    assert any(0 < n_kept < n_whole for n_kept in found), f"no kill came in the middle: {found} of {n_whole}, in {seconds:.2f} s"
