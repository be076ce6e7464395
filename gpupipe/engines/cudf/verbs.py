"""The verbs on cuDF frames. Rows stay on the device; what a stage hands over from the host (a literal, a list of words) is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cudf
import cupy as cp
import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import UnsupportedError
from gpupipe.core.schema import as_dtype
from gpupipe.core.verbs import ArrayMap, AsofJoining, IntervalJoining, Joining, TextMap, Window
from gpupipe.engines._arrow import arrow_dtype
from gpupipe.engines._estimators import unfitted_copy
from gpupipe.engines._pandaslike import PandasLikeVerbs
from gpupipe.engines._verbs import asof_rows, interval_rows, text_rows
from gpupipe.engines.cudf.dtypes import device_dtype
from gpupipe.engines.cudf.frames import Crossing, column_of, feature_array, lazy_of, native_of, null_mask, numbers_of
from gpupipe.engines.cudf.hashing import hash_column, hash_frame
from gpupipe.engines.cudf.joining import joined
from gpupipe.engines.cudf.models import OnHost, made_on_device
from gpupipe.kernels.rolling import SAME_DTYPE, roll_arrays

Frame = nw.LazyFrame[Any]


class CudfVerbs(PandasLikeVerbs):
    """The verbs on the device."""

    def __init__(self, crossing: Crossing, fallbacks: str = "refuse") -> None:
        self.crossing = crossing
        self.fallbacks = fallbacks

    def join(self, left: Frame, right: Frame, how: Joining) -> Frame:
        """Return the joined rows; see `Verbs.join`."""
        return lazy_of(joined(native_of(left), native_of(right), how))

    def join_asof(self, left: Frame, right: Frame, how: AsofJoining) -> Frame:
        """Return the left rows with those nearest in time; keys and times cross to the host, and places come back."""
        one, other = native_of(left), native_of(right)
        columns = [*how.by, how.at]
        keyed = [self.crossing.to_host(native[columns], "keys and times of an as-of join") for native in (one, other)]
        places = self.crossing.to_device(pa.table({"row": asof_rows(keyed[0], keyed[1], how)}), "places of an as-of join")["row"]
        rest = [name for name in other.columns if name not in columns]
        taken = other[rest].take(places.fillna(0)) if len(other) else other[rest].reindex(places.index)
        made = {name: taken[name].reset_index(drop=True).where(places.notna(), None) for name in rest}
        return lazy_of(
            one.reset_index(drop=True).assign(**{name + (how.suffix if name in one.columns else ""): made[name] for name in rest})
        )

    def join_interval(self, left: Frame, right: Frame, how: IntervalJoining) -> Frame:
        """Return the left rows with those whose interval they are in; keys, values and ends cross to the host, and places come back."""
        one, other = native_of(left), native_of(right)
        columns = [[*how.by, how.at], list(dict.fromkeys([*how.by, how.start, how.end]))]
        keyed = [self.crossing.to_host(n[c], "keys of an interval join") for n, c in zip((one, other), columns, strict=True)]
        rows, others = interval_rows(keyed[0], keyed[1], how)
        places = self.crossing.to_device(pa.table({"row": rows, "other": others}), "places of an interval join")
        rest = [name for name in other.columns if name not in how.by]
        made = one.take(places["row"]).reset_index(drop=True)
        taken = other[rest].take(places["other"].fillna(0)) if len(other) else other[rest].reindex(places.index)
        beside = {name: taken[name].reset_index(drop=True).where(places["other"].notna(), None) for name in rest}
        return lazy_of(made.assign(**{name + (how.suffix if name in one.columns else ""): beside[name] for name in rest}))

    def hash_rows(self, frame: Frame, columns: Sequence[str], seed: int, name: str) -> Frame:
        """Return the frame with the hash of the columns; floats count in single precision, see `row_hashes`."""
        native = native_of(frame)
        keyed = native[list(columns)]
        floats = [column for column in columns if str(keyed[column].dtype) == "float64"]
        keyed = keyed.assign(**{column: keyed[column].astype("float32") for column in floats})
        return lazy_of(native.assign(**{name: column_of(hash_frame(keyed, columns, seed))}))

    def hash_columns(self, frame: Frame, columns: Sequence[str], seed: int, n_bits: int) -> Frame:
        """Return the frame with the columns hashed; see `Verbs.hash_columns`."""
        native = native_of(frame)
        made = {}
        for name in columns:
            bits = (hash_column(native[name], name, seed) >> np.uint64(64 - n_bits)).astype(cp.uint32)
            made[name] = column_of(bits, null_mask(native[name]))
        return lazy_of(native.assign(**made))

    def _looked_up(self, frame: Frame, column: str, values: Sequence[str], unknown: int | None) -> Frame:
        """Return the frame with one column's positions, found as a categorical's codes."""
        native = native_of(frame)
        text = native[column] if str(native[column].dtype) in {"str", "object"} else native[column].astype("str")
        words = self.crossing.to_device(pa.table({"value": pa.array(values, pa.large_string())}), "the words of a look-up")["value"]
        codes = text.astype(cudf.CategoricalDtype(categories=words)).cat.codes.astype("int32").fillna(-1)
        found = codes.where(codes >= 0, unknown).astype("int32")
        return lazy_of(native.assign(**{column: found.where(text.notna(), None)}))

    def roll(self, frame: Frame, window: Window) -> Frame:
        """Return the frame with the window's aggregates; see `Verbs.roll`."""
        native = native_of(frame)
        rows = cp.flatnonzero(~null_mask(native[window.index]))
        key = _codes(native, window.by)
        position = numbers_of(native[window.index]).astype(cp.int64)
        inputs = []
        for rolled in window.aggregates:
            column = native[rolled.column]
            data = cp.ones(len(native), dtype=cp.int8) if rolled.function == "count" else numbers_of(column)
            inputs.append((data[rows], ~null_mask(column)[rows], rolled.function))
        made = {}
        for rolled, (values, there) in zip(
            window.aggregates, roll_arrays(key[rows], position[rows], inputs, window.start, window.stop, cp), strict=True
        ):
            whole, missing = cp.zeros(len(native), dtype=values.dtype), cp.ones(len(native), dtype=bool)
            whole[rows], missing[rows] = values, ~there
            column = column_of(whole, missing)
            made[rolled.name] = column.astype(native[rolled.column].dtype) if rolled.function in SAME_DTYPE else column
        return lazy_of(native.assign(**made))

    def unfitted(self, estimator: Any) -> Any:
        """Return cuML's counterpart of the estimator, or a copy that is handed the rows on the host, where that is allowed."""
        try:
            return made_on_device(estimator)
        except UnsupportedError as error:
            if self.fallbacks != "host":
                raise
            self.crossing.ledger.fall_back(str(error))
            return OnHost(unfitted_copy(estimator), self.crossing)

    def map_arrays(self, frame: Frame, mapped: ArrayMap) -> Frame:
        """Return the frame with the function's columns, made of a CuPy array; see `Verbs.map_arrays`."""
        native = native_of(frame)
        kept = native[[name for name in native.columns if name not in mapped.drop]]
        if len(native) == 0:
            empty = pa.table({name: pa.array([], arrow_dtype(as_dtype(dtype))) for name, dtype in mapped.outputs})
            added = self.crossing.to_device(empty, "columns of no rows")
        else:
            made = mapped.function(feature_array(native, list(mapped.columns)))
            added = cudf.DataFrame({name: self._answer(values) for (name, _), values in zip(mapped.outputs, made, strict=True)})
        added = added.nans_to_nulls() if mapped.nan_as_null else added
        wanted = {name: device_dtype(as_dtype(dtype), name) for name, dtype in mapped.outputs}
        cast = lazy_of(added).with_columns(nw.col(name).cast(dtype) for name, dtype in wanted.items()).collect().to_native()
        whole = kept.assign(**{name: cast[name] for name in wanted}) if len(kept.columns) else cast
        return lazy_of(whole)

    def map_text(self, frame: Frame, mapped: TextMap) -> Frame:
        """Return the rows made of the texts, which cross to the host and come back as what was made; see `Verbs.map_text`."""
        native = native_of(frame)
        texts = self.crossing.to_host(native[[mapped.column]], "texts for a function of the host")[mapped.column].combine_chunks()
        made = text_rows(texts, mapped)
        added = self.crossing.to_device(made, "what was made of texts on the host")
        kept = native[list(mapped.kept)].take(added["row"]).reset_index(drop=True) if mapped.kept else cudf.DataFrame(index=added.index)
        return lazy_of(kept.assign(**{name: added[name] for name, _ in mapped.outputs}))

    def _answer(self, values: Any) -> Any:
        """Return what a function made as a column; an answer on the host crosses, and is counted."""
        if isinstance(values, cudf.Series):
            return values.reset_index(drop=True)
        if isinstance(values, cp.ndarray):
            return column_of(cp.ascontiguousarray(values))
        return self.crossing.to_device(pa.table({"answer": pa.array(values, from_pandas=False)}), "a function's answer on the host")[
            "answer"
        ]

    def literal(self, table: pa.Table) -> Frame:
        """Return an Arrow table as a cuDF frame."""
        return lazy_of(self.crossing.to_device(table, "a small table of a stage"))

    def _series(self, like: nw.DataFrame[Any], name: str, values: pa.Array | pa.ChunkedArray) -> nw.Series[Any]:
        """Return Arrow values as a cuDF column."""
        return lazy_of(self.crossing.to_device(pa.table({name: values}), "a column made on the host")).collect()[name]


def _codes(native: Any, by: Sequence[str]) -> Any:
    """Return a CuPy array of one int64 for each distinct key; whole numbers are codes as they are."""
    column = native[by[0]]
    if len(by) == 1 and column.dtype.kind in "iu" and column.dtype != np.uint64 and not column._column.null_count:
        return column.to_cupy().astype(cp.int64)
    return native.groupby(list(by), sort=False, dropna=False).ngroup().to_cupy().astype(cp.int64)
