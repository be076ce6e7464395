"""Tools of engine ``gpu``: CuPy's arrays, and cuDF's frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cudf
import cupy as cp
import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.progress import Progress
from gpupipe.core.tools import Codes, Tools
from gpupipe.engines._arrow import table_of
from gpupipe.engines.cudf.frames import Crossing, column_of, native_of, null_mask, numbers_of

Frame = nw.DataFrame[Any]
_MOST_INT32 = 2**31 - 1
_ROW, _PLACE = "__gpupipe_row__", "__gpupipe_place__"


@dataclass(frozen=True)
class Masked:
    """An array of which some values are missing."""

    values: Any
    missing: Any | None


class DeviceTools(Tools):
    """CuPy's arrays."""

    xp = cp

    def __init__(self, crossing: Crossing, progress: Progress | None = None) -> None:
        self._crossing = crossing
        self.progress = progress
        self.most_bytes = int(cp.cuda.Device().mem_info[0])

    def array(self, frame: Frame, column: str) -> Any:
        """Return a column as an array on the device."""
        return numbers_of(native_of(frame)[column])

    def missing(self, frame: Frame, column: str) -> Any | None:
        """Return an array that says of each row whether its value is missing; None where none is."""
        values = native_of(frame)[column]
        return null_mask(values) if values.null_count else None

    def coded(self, *frames: tuple[Frame, Sequence[str]]) -> Codes:
        """Return the keys of rows as numbers: what is distinct is sorted on the device, and each row is joined to it."""
        names = list(frames[0][1])
        keyed = [native_of(frame)[list(columns)].rename(columns=dict(zip(columns, names, strict=True))) for frame, columns in frames]
        distinct = cudf.concat(keyed, ignore_index=True).drop_duplicates().sort_values(names, ignore_index=True)
        placed = distinct.assign(**{_PLACE: cp.arange(len(distinct))})
        dtype = cp.int32 if len(distinct) <= _MOST_INT32 else cp.int64
        numbers = tuple(_looked_up(each, placed, names).astype(dtype) for each in keyed)
        return Codes(numbers, nw.from_native(distinct, eager_only=True))

    def frame(self, columns: Mapping[str, Any], beside: Frame | None = None) -> Frame:
        """Return a frame of arrays, beside the columns of another one."""
        made = {
            name: column_of(held.values, held.missing) if isinstance(held, Masked) else column_of(held) for name, held in columns.items()
        }
        whole = cudf.DataFrame(made) if beside is None else native_of(beside).assign(**made)
        return nw.from_native(whole, eager_only=True)

    def masked(self, values: Any, missing: Any) -> Masked:
        """Return an array with what of it is missing."""
        return Masked(values, missing)

    def adopted(self, data: Any) -> Any:
        """Return an array or a table on the device."""
        if isinstance(data, cp.ndarray) or (isinstance(data, nw.DataFrame) and data.implementation.is_cudf()):
            return data
        if isinstance(data, pa.Table | nw.DataFrame):
            table = data if isinstance(data, pa.Table) else table_of(data)
            return nw.from_native(self._crossing.to_device(table, "what was made on the host"), eager_only=True)
        held = self._crossing.to_device(pa.table({"array": pa.array(data.ravel())}), "an array that was made on the host")
        return numbers_of(held["array"]).astype(data.dtype).reshape(data.shape)


def _looked_up(keyed: Any, placed: Any, names: Sequence[str]) -> Any:
    """Return the place of each row's key; a join keeps no order, so each row carries its own."""
    joined = keyed.assign(**{_ROW: cp.arange(len(keyed))}).merge(placed, on=list(names), how="left")
    return joined.sort_values(_ROW)[_PLACE].to_cupy()
