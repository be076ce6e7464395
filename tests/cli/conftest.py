from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gpupipe.cli import app

ROOT = Path(__file__).resolve().parents[2]

FLOW = '''
"""A file of pipelines."""
from __future__ import annotations
import os
from pathlib import Path
from typing import Literal
import narwhals.stable.v2 as nw
import polars as pl
import gpupipe as gp

def table(rows: int):
    return gp.FromFrame(pl.DataFrame({"k": [i % 7 for i in range(rows)], "x": [float(i) for i in range(rows)]})).node()

def pipeline(rows: int = 100, factor: float = 2.0, method: Literal["mean", "max"] = "mean", out: Path | None = None):
    """Scale x.

    Parameters
    ----------
    rows
        How many rows are made. More take longer.
    """
    print("built in", method)
    os.write(1, b"from below Python\\n")
    scaled = table(rows) >> gp.WithColumns(z=nw.col("x") * factor)
    outputs = {} if out is None else {"written": gp.WriteParquet(out)(scaled)}
    nothing = gp.Scalar(nw.col("z").sum() * float("inf"))(scaled)
    return gp.Pipeline("scaled", outputs, table=scaled, n=gp.Scalar(nw.len())(scaled), nothing=nothing)

def fitted():
    made = table(10)
    scaler = gp.Standardize(["x"]).fit(made)
    return gp.Pipeline("fitted", scaler=scaler, made=scaler(made))

def narrow():
    print("narrowed")
    return gp.Pipeline("narrow", out=gp.Select("x")(table(5)))

def required(data: str, n: int = 1):
    raise RuntimeError("must not be called")

def wrong_column():
    return gp.Pipeline("wrong", out=gp.Select("xx")(table(2)))

def fails():
    @gp.rows
    def broken(frame):
        return frame.with_columns(y=nw.col("s").cast(nw.Int64))
    words = gp.FromFrame(pl.DataFrame({"s": ["1", "a"]})).node()
    return gp.Pipeline("fails", out=broken(words))

def missing_input():
    return gp.Pipeline("missing", out=gp.ReadParquet("nowhere/rows.parquet").node())

def nothing():
    """Return no pipeline."""

def raises():
    return 1 / 0

def misspelled():
    return gp.Selekt("x")

def unfinished():
    made = table(3)
    return gp.Pipeline("twice", {"out": made}, out=made)

def interrupted():
    @gp.whole_table
    def wait(frame):
        import os, signal
        if hasattr(frame.to_native(), "to_numpy"):  # rows of pandas, and not the plan's empty ones
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background process ignores it
            os.kill(os.getpid(), signal.SIGINT)
        return frame
    return gp.Pipeline("interrupted", out=wait(table(3)))

def slow():
    left, right = (gp.FromFrame(pl.DataFrame({name: range(40_000)})).node() for name in "ab")
    pairs = gp.Join(how="cross")(left, right) >> gp.WithColumns(c=nw.col("a") * nw.col("b"))
    return gp.Pipeline("slow", out=gp.WriteParquet("rows.parquet")(pairs))
'''


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ended]


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "flow.py"
    path.write_text(FLOW)
    return path


@pytest.fixture
def gpupipe(tmp_path: Path) -> Command:
    """Run ``python -m gpupipe`` in a process and a folder of its own."""

    def call(*args: object, **variables: str) -> Ended:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONWARNINGS": "error", **variables}
        environment.pop("PYTHONUNBUFFERED", None)  # what is printed late must not come out on stdout either
        command = [sys.executable, "-m", "gpupipe", *map(str, args)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False)
        return Ended(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command in this process: faster, but what it imports stays."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def call(*args: object) -> Ended:
        before = set(sys.modules)
        result = CliRunner().invoke(app, [*map(str, args)], prog_name="gpupipe")
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]
        return Ended(result.exit_code, result.stdout, result.stderr)

    return call
