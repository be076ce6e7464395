"""A user's pipeline that goes through every phase, with a gate in each: a task that comes to a shut gate says so and waits there."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from xgboost import XGBClassifier
from xgboost.callback import TrainingCallback

import gpupipe as gp
from gpupipe.core.ends import FileScan, PartWriter, Piece, Writer
from gpupipe.core.fit import FitStage
from gpupipe.core.stage import RowStage

FILES, ROWS, KEYS = 6, 2000, 97
BLOCK_BYTES = ROWS * 40  # a file a block
WAIT_SECONDS = 300.0


@dataclass(frozen=True)
class Gate:
    """A place where the first process that comes by waits until somebody opens it; an empty folder is no gate."""

    folder: str = ""
    name: str = ""

    @property
    def reached(self) -> Path:
        return Path(self.folder, f"{self.name}.reached")

    def at(self, name: str) -> Gate:
        """Return the gate if it is the one of this name, else none."""
        return self if self.name == name else Gate()

    def pass_through(self) -> None:
        """Wait here, if the gate is shut."""
        if not self.folder or Path(self.folder, f"{self.name}.open").exists():
            return
        told = Path(self.folder, f"{self.name}.{os.getpid()}")
        told.write_text(str(os.getpid()))
        if not self.reached.exists():
            told.replace(self.reached)
        end = time.monotonic() + WAIT_SECONDS
        while not Path(self.folder, f"{self.name}.open").exists():
            if time.monotonic() > end:
                raise TimeoutError(f"nobody opened {self.name}")
            time.sleep(0.02)

    def open(self) -> None:
        """Let everybody through."""
        Path(self.folder, f"{self.name}.open").touch()

    def waiter(self, alive: Any, seconds: float = 300.0) -> int:
        """Return the process that waits here; `alive` raises where nobody will come any more."""
        end = time.monotonic() + seconds
        while not self.reached.exists():
            alive()
            assert time.monotonic() < end, f"nobody came to {self.name}"
            time.sleep(0.02)
        return int(self.reached.read_text())


@dataclass(frozen=True, init=False)
class GatedParquet(gp.ReadParquet):
    """Reads parquet files; the gate is before the fourth."""

    gate: Gate = field(default_factory=Gate)

    def __init__(self, path: str, gate: Gate) -> None:
        super().__init__(path)
        object.__setattr__(self, "gate", gate)

    def scan_piece(self, piece: Piece, scratch: str) -> FileScan:
        if piece.file == 3:
            self.gate.pass_through()
        return super().scan_piece(piece, scratch)


def gated(frame: Any, gate: Gate, column: str, value: int) -> None:
    """Wait at the gate with the rows that have a value; the plan's empty rows pass."""
    if gate.folder and (frame.select(column).collect()[column] == value).any():
        gate.pass_through()


@dataclass(frozen=True)
class Shifted(RowStage):
    by: float

    def run(self, verbs: Any, *frames: Any) -> Any:
        return frames[0].with_columns(shifted=nw.col("total") - self.by)


@dataclass(frozen=True)
class Shift(FitStage):
    """Measures a mean; the gate is before the block of key 7."""

    gate: Gate

    def measure(self, verbs: Any, frame: Any) -> Any:
        gated(frame, self.gate, "key", 7)
        return frame.select(n=nw.len(), s=nw.col("total").sum())

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        whole = pa.concat_tables(measured)
        return pa.table({name: [pc.sum(whole[name]).as_py()] for name in ("n", "s")})

    def finish(self, statistics: pa.Table) -> RowStage:
        n, s = statistics["n"][0].as_py(), statistics["s"][0].as_py()
        return Shifted(float(round(s / n)) if n else 0.0)


@dataclass(frozen=True)
class GatedPart(PartWriter):
    """Writes a part; one gate is before the third, one after it, which is written by then but not told of."""

    inner: PartWriter
    gate: Gate

    def write(self, number: int, batches: Sequence[pa.RecordBatch]) -> dict[str, Any]:
        if number == 2:
            self.gate.at("before_write").pass_through()
        made = self.inner.write(number, batches)
        if number == 2:
            self.gate.at("write").pass_through()
        return made


class GatedWriter(Writer):
    def __init__(self, inner: Writer, gate: Gate) -> None:
        self.inner, self.gate = inner, gate

    def parts(self) -> PartWriter | None:
        inner = self.inner.parts()
        return None if inner is None else GatedPart(inner, self.gate)

    def take_parts(self, written: Sequence[Mapping[str, Any]]) -> None:
        self.inner.take_parts(written)

    def write(self, batch: pa.RecordBatch) -> None:
        self.inner.write(batch)

    def close(self) -> None:
        self.inner.close()

    def commit(self) -> Any:
        return self.inner.commit()

    def abort(self) -> None:
        self.inner.abort()


@dataclass(frozen=True, init=False)
class GatedWrite(gp.WriteParquet):
    gate: Gate = field(default_factory=Gate)

    def __init__(self, path: str, gate: Gate) -> None:
        super().__init__(path)
        object.__setattr__(self, "gate", gate)

    def open(self, schema: pa.Schema) -> Writer:
        return GatedWriter(super().open(schema), self.gate)


class GatedRounds(TrainingCallback):
    """The gates are before and after the third boosting round, where every process of the training waits."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        if epoch == 2:
            self.gate.pass_through()
        return False


def make_rows(folder: Path, n_rows: int = ROWS) -> Path:
    """Write the files: few distinct values, so that XGBoost has the same bins however the rows lie."""
    path = folder / "rows"
    path.mkdir(parents=True)
    random = np.random.default_rng(3)
    for number in range(FILES):
        b = random.integers(0, 12, n_rows)
        a = random.integers(0, 20, n_rows).astype(np.float64)
        columns = {"id": np.arange(n_rows) + number * n_rows, "key": random.integers(0, KEYS, n_rows), "a": a, "b": b}
        pl.DataFrame({**columns, "y": ((a + b + random.integers(0, 6, n_rows)) > 16).astype(np.int64)}).write_parquet(
            path / f"part-{number}.parquet"
        )
    return path


def pipeline(data: str, out: str, gates: str = "", shut: str = "", *, trained: bool = True) -> gp.Pipeline:
    """Return the pipeline; `shut` names the gate that is shut."""
    gate = Gate(gates, shut) if gates else Gate()

    @gp.rows
    def before_shuffle(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        gated(frame, gate.at("shuffle"), "id", FILES * ROWS - 1)
        return frame.with_columns(c=nw.col("b") * 2)

    @gp.by_key("key")
    def per_key(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        gated(frame, gate.at("unpack"), "key", 7)
        return frame.with_columns(total=nw.col("b").sum().over("key"))

    table = per_key(before_shuffle(GatedParquet(data, gate.at("read")).node())).named("keyed")
    shifted = Shift(gate.at("fit")).fit(table)(table)
    if not trained:
        return gp.Pipeline("phases", out=GatedWrite(out, gate)(shifted))
    callbacks = [GatedRounds(gate.at("train"))]
    learner = XGBClassifier(n_estimators=6, max_depth=3, max_bin=32, n_jobs=1, callbacks=callbacks)
    model = gp.Learn(learner, target="y", features=["a", "b", "c"]).fit(shifted)
    return gp.Pipeline("phases", model=model, out=GatedWrite(out, gate)(model.predict_proba(shifted)))
