"""Tools of the engines on the host: NumPy arrays, and frames through Arrow."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa

from gpupipe.core.ledger import Ledger
from gpupipe.core.progress import Progress
from gpupipe.core.tools import Codes, Tools
from gpupipe.engines._arrow import column_values, table_of

Frame = nw.DataFrame[Any]
_MOST_INT32 = 2**31 - 1


class HostTools(Tools):
    """NumPy's arrays.

    Parameters
    ----------
    held
        Makes a frame of the engine's library of an Arrow table.
    """

    xp = np

    def __init__(self, held: Callable[[pa.Table], Frame], ledger: Ledger, progress: Progress | None = None) -> None:
        self._held = held
        self._ledger = ledger
        self.progress = progress
        self.most_bytes = available_bytes()

    def array(self, frame: Frame, column: str) -> Any:
        """Return a column as an array, without a copy where it is one in memory already."""
        values = table_of(frame.select(column)).column(0)
        chunk = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
        if not chunk.null_count and not pa.types.is_boolean(chunk.type) and not pa.types.is_temporal(chunk.type):
            return np.asarray(column_values(chunk))
        made = column_values(chunk)
        return made.filled(np.nan) if made.dtype.kind == "f" else made.data

    def missing(self, frame: Frame, column: str) -> Any | None:
        """Return an array that says of each row whether its value is missing; None where none is."""
        values = frame[column]
        return np.asarray(values.is_null().to_numpy(), dtype=bool) if values.null_count() else None

    def coded(self, *frames: tuple[Frame, Sequence[str]]) -> Codes:
        """Return the keys of rows as numbers: Polars finds what is distinct and sorts that, and each row is looked up in it."""
        names = list(frames[0][1])
        keyed = [_polars(frame, columns).rename(dict(zip(columns, names, strict=True))) for frame, columns in frames]
        distinct = pl.concat([each.unique() for each in keyed]).unique() if len(keyed) > 1 else keyed[0].unique()
        distinct = distinct.sort(names)
        numbers = tuple(_looked_up(each, distinct, names) for each in keyed)
        return Codes(numbers, self._held(distinct.to_arrow()))

    def frame(self, columns: Mapping[str, Any], beside: Frame | None = None) -> Frame:
        """Return a frame of arrays, beside the columns of another one."""
        made = self._held(pa.table({name: _arrow(values) for name, values in columns.items()}))
        return made if beside is None else nw.concat([beside, made], how="horizontal")

    def masked(self, values: Any, missing: Any) -> Any:
        """Return a masked array."""
        return np.ma.MaskedArray(values, mask=missing)

    @cached_property
    def _library(self) -> Any:
        """The library of the engine's frames."""
        return self._held(pa.table({"a": pa.array([], pa.int64())})).implementation

    def adopted(self, data: Any) -> Any:
        """Return an array as it is, and a table as a frame of the engine's library."""
        if isinstance(data, nw.DataFrame):
            return data if data.implementation is self._library else self._held(table_of(data))
        if isinstance(data, pa.Table):
            return self._held(data)
        if isinstance(data, np.ndarray):
            return data
        started = time.perf_counter()
        made = data.get()  # CuPy's way to the host
        self._ledger.cross("device_to_host", made.nbytes, time.perf_counter() - started, "what was made on a device, for the host")
        return made


def available_bytes() -> int | None:
    """Return how much memory this machine has to give; None where it does not say."""
    facts = Path("/proc/meminfo")
    if not facts.exists():
        return None
    found = next((line for line in facts.read_text().splitlines() if line.startswith("MemAvailable:")), None)
    return None if found is None else int(found.split()[1]) * 1024


def _polars(frame: Frame, columns: Sequence[str]) -> pl.DataFrame:
    """Return some columns of a frame as Polars has them."""
    chosen = frame.select(list(columns))
    native = chosen.to_native()
    made = native if isinstance(native, pl.DataFrame) else pl.from_arrow(table_of(chosen))
    assert isinstance(made, pl.DataFrame)
    return made


def _looked_up(keyed: pl.DataFrame, distinct: pl.DataFrame, names: Sequence[str]) -> Any:
    """Return the place of each row's key among the distinct ones."""
    dtype = np.int32 if len(distinct) <= _MOST_INT32 else np.int64
    if len(names) == 1 and keyed.schema[names[0]].is_integer():
        return np.searchsorted(distinct[names[0]].to_numpy(), keyed[names[0]].to_numpy()).astype(dtype)
    placed = distinct.with_row_index("\x00place")
    return keyed.join(placed, on=list(names), how="left", maintain_order="left")["\x00place"].to_numpy().astype(dtype, copy=False)


def _arrow(values: Any) -> pa.Array:
    """Return an array as Arrow has it."""
    if isinstance(values, np.ma.MaskedArray):
        return pa.array(values.data, mask=np.ma.getmaskarray(values))
    return values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
