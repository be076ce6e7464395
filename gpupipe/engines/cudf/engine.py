"""Engine ``gpu``: cuDF frames on one device.

It is engine ``pandas`` with another library below: what `_pandaslike` holds is run by every test on a CPU. Here is what only a device has:
reading into it, crossings, training and metrics that stay on it, and its memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import cudf
import cupy as cp
import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.demand import Demand
from gpupipe.core.ends import Piece, Reading, Source, Writer
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import UnsupportedError
from gpupipe.core.progress import Progress
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.core.task import Task
from gpupipe.core.tools import Tools
from gpupipe.engines._block_engine import TARGET, WEIGHT
from gpupipe.engines._host_tools import HostTools
from gpupipe.engines._pandaslike import PandasLikeEngine
from gpupipe.engines._retry import explained
from gpupipe.engines._single import batches_of
from gpupipe.engines._ways import adopted
from gpupipe.engines.cudf.copies import taken_copies, watch_copies
from gpupipe.engines.cudf.device_boosters import without_mask
from gpupipe.engines.cudf.dtypes import device_schema
from gpupipe.engines.cudf.frames import Crossing, at_work, column_of, lazy_of, native_of, number_dtype
from gpupipe.engines.cudf.hashing import hash_frame
from gpupipe.engines.cudf.limits import LIMITS
from gpupipe.engines.cudf.memory import DEVICE_MEMORY, set_up_pool, stage_range
from gpupipe.engines.cudf.models import booster_on_device, labels_of
from gpupipe.engines.cudf.narwhals_patches import patch_narwhals
from gpupipe.engines.cudf.reading import read_pieces_to_device, read_to_device
from gpupipe.engines.cudf.tools import DeviceTools
from gpupipe.engines.cudf.verbs import CudfVerbs
from gpupipe.engines.cudf.writing import not_from_device, write_from_device

Frame = nw.LazyFrame[Any]
WRITTEN_AT_ONCE = 256 << 20  # bytes that a sink gets at a time


class CudfEngine(PandasLikeEngine):
    """cuDF: eager, on one device."""

    name: ClassVar[str] = "gpu"
    limits = LIMITS
    memory = DEVICE_MEMORY
    xp = cp
    shuffling: ClassVar[str | None] = "tasks"  # from worker to worker, Dask would take each block through Arrow on the host
    boosting: ClassVar[Mapping[str, Any]] = {"device": "cuda"}

    def __init__(self, options: EngineOptions | None = None) -> None:
        super().__init__(options)
        set_up_pool(self.options.pool_bytes)
        patch_narwhals()
        if self.options.confirm_crossings:
            watch_copies()
            self.ledger.copied = taken_copies
        self.crossing = Crossing(self.ledger)
        self.verbs = CudfVerbs(self.crossing, self.options.fallbacks)

    def semantics(self) -> AbstractContextManager[Any]:
        """Return the option under which cuDF keeps its own, nullable dtypes; models that came from elsewhere tell this ledger."""
        at_work(self.ledger)
        context: AbstractContextManager[Any] = cudf.option_context("mode.pandas_compatible", False)
        return context

    def read(self, source: Source, reading: Reading, schema: Schema) -> Frame:
        """Return what is needed of the source, on the device."""
        with self.semantics(), stage_range(source.name):
            return lazy_of(read_to_device(source, reading, schema, self.scratch, self.crossing))

    def read_pieces(self, source: Source, pieces: Sequence[Piece], reading: Reading, schema: Schema) -> Frame:
        """Return what is needed of some pieces of the source, on the device."""
        with self.semantics(), stage_range(source.name):
            return lazy_of(read_pieces_to_device(source, pieces, reading, schema, self.scratch, self.crossing))

    def run(self, stage: TableStage, inputs: Sequence[Frame], schema: Schema) -> Frame:
        """Return the stage's result, in the dtypes that the planned ones have on the device."""
        with stage_range(stage.name):
            return PandasLikeEngine.run(self, stage, inputs, device_schema(schema))

    def settled(self, frame: Frame) -> Frame:
        """Return the frame with its rows numbered from 0 on; every cuDF column is nullable as it is."""
        native = native_of(frame)
        return frame if native is frame.to_native() else lazy_of(native)

    def ingested(self, table: pa.Table) -> Frame:
        """Return rows that a source handed over as Arrow, on the device."""
        return lazy_of(self.crossing.to_device(table, "rows of the calling process", at_end=True))

    def numbers(self, frame: Frame, features: Sequence[str], target: str | None, weight: str | None) -> Any:
        """Return a cuDF frame of floats; see `BlockEngine.numbers`."""
        native = native_of(frame)
        dtype = number_dtype(native, features)
        made = {name: without_mask(native[name], dtype) for name in features}
        if target is not None:
            made[TARGET] = labels_of(native, target).astype("float64")
        if weight is not None:
            made[WEIGHT] = without_mask(native[weight], "float64")
        return cudf.DataFrame(made)

    def hashes(self, frame: Frame, keys: Sequence[str]) -> Any:
        """Return a CuPy array of the hash of each row's keys, made on the device as on the host."""
        keyed = native_of(frame)[list(keys)]
        changed = {name: dtype for name in keys if (dtype := _hashed_as(keyed[name].dtype)) is not None}
        return hash_frame(keyed.assign(**{name: keyed[name].astype(dtype) for name, dtype in changed.items()}), keys, 0)

    def array(self, frame: Frame, column: str) -> Any:
        """Return a column of integers, none of them missing, as a CuPy array."""
        return native_of(frame)[column].to_cupy()

    def marked(self, frame: Frame, name: str, values: Any) -> Frame:
        """Return the cuDF frame with a CuPy array as one more column."""
        return lazy_of(native_of(frame).assign(**{name: column_of(values)}))

    def below(self, table: pa.Table, frame: Frame) -> Frame:
        """Return the rows of a small Arrow table, and those of the frame below them."""
        above = self.crossing.to_device(table, "rows between ranges")
        return lazy_of(cudf.concat([above, native_of(frame)], ignore_index=True))

    def distinct(self, frame: Frame) -> pa.Table:
        """Return each row once, as Arrow; only those leave the device."""
        return self.to_arrow(lazy_of(native_of(frame).drop_duplicates(ignore_index=True)))

    def adopted(self, estimator: Any) -> Any:
        """Return an estimator of XGBoost's, trained on all workers, that answers on the device."""
        return booster_on_device(estimator)

    def to_arrow(self, frame: Frame, *, at_end: bool = False) -> pa.Table:
        """Return the frame as Arrow on the host."""
        reason = "rows for a sink" if at_end else "what a stage measured"
        return plain_table(self.crossing.to_host(native_of(frame), reason, at_end=at_end))

    def _compute(self, demand: Demand) -> Any:
        """Return what one demand asks for; a sink gets its rows in pieces, so that the host need not hold them all."""
        if demand.form != "write":
            return PandasLikeEngine._compute(self, demand)
        assert demand.writer is not None
        data = demand.data if demand.want is None else self.prepared(demand.want, demand.data)
        self._write(native_of(data), demand.writer)
        return None

    def _write(self, native: Any, writer: Writer) -> None:
        """Write a cuDF frame: a Parquet file on the device, anything else piece by piece through the host."""
        if writer.native is not None and not_from_device(native, writer.native) is None:
            try:
                write_from_device(native, writer.native, self.crossing, "pages of Parquet, made on the device")
            except (RuntimeError, OSError) as error:
                raise writer.explain(error) or error from error
            writer.close()
            return
        n_bytes = max(1, int(native.memory_usage(index=False).sum()))
        n_rows = max(1, len(native) * WRITTEN_AT_ONCE // n_bytes)
        for start in range(0, len(native), n_rows):
            table = self.to_arrow(lazy_of(native.iloc[start : start + n_rows]), at_end=True)
            for batch in batches_of(table):
                writer.write(batch)
        writer.close()

    def tools(self, progress: Progress | None) -> Tools:
        """Return what makes arrays of frames on the device, and frames of arrays."""
        return DeviceTools(self.crossing, progress)

    def solve(self, task: Task, inputs: Sequence[Any], progress: Progress | None = None, schema: Schema | None = None) -> Any:
        """Return what a task makes on the device; where it cannot be done there, on the host, if that is allowed."""
        try:
            return super().solve(task, inputs, progress, schema)
        except UnsupportedError as error:
            if self.options.fallbacks != "host":
                error.add_note("Allow it on the host, with the copies that it takes: --fallbacks host, EngineOptions(fallbacks='host').")
                raise
            self.ledger.fall_back(f"{task.title} is done on the host: {error}")
        tools = HostTools(lambda table: nw.from_native(pl.from_arrow(table), eager_only=True), self.ledger, progress)
        held = (self.to_arrow(each) if isinstance(each, nw.LazyFrame) else each for each in inputs)
        made = task.solve(tools, *(tools.adopted(each) if isinstance(each, pa.Table) else adopted(each, tools) for each in held))
        return self.verbs.literal(made.to_arrow()) if isinstance(made, nw.DataFrame) else made

    def with_room(self, name: str, work: Callable[[], Any]) -> Any:
        """Return what the work makes, done again after room was made where memory was short."""
        with self.semantics(), stage_range(name):
            for attempt in range(2):
                try:
                    return work()
                except Exception as error:
                    if not self.memory.short(error):
                        raise
                    if attempt:
                        raise explained(name, error, self.memory) from error
                self.memory.make_room()
        return None

    def size(self, data: Frame) -> int | None:
        """Return the bytes of the rows on the device."""
        return int(native_of(data).memory_usage(index=False).sum())


def _hashed_as(dtype: Any) -> str | None:
    """Return the dtype in which a key is hashed, where it is not its own: floats in single precision, durations as whole numbers."""
    if dtype.kind == "m":
        return "int64"
    return "float32" if str(dtype) == "float64" else None
