"""The verbs on any frame that narwhals knows: joins through narwhals, the rest through Arrow and the array kernels.

An engine replaces what its library does better; what is here defines the meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.errors import StageError
from gpupipe.core.schema import as_dtype
from gpupipe.core.verbs import ArrayMap, AsofJoining, IntervalJoining, Joining, TextMap, Verbs, Window
from gpupipe.engines._arrow import arrow_dtype, as_array, column_values, named_frame, table_of
from gpupipe.engines._estimators import unfitted_copy
from gpupipe.kernels.asof import asof_places
from gpupipe.kernels.intervals import interval_pairs
from gpupipe.kernels.rolling import SAME_DTYPE, roll_arrays
from gpupipe.kernels.xxh64_table import hash_table

Frame = nw.LazyFrame[Any]
_ROLLED_ROWS = 1 << 14
_MOST = (1 << 63) - 1
_ACCOUNT = re.compile(r"\b[A-Z]\w+ expects values that .*?, got [^\"']+", re.DOTALL)


class NarwhalsVerbs(Verbs):
    """The verbs, on whatever library the frame is of."""

    def join(self, left: Frame, right: Frame, how: Joining) -> Frame:
        """Return the joined rows; see `Verbs.join`."""
        names = left.collect_schema().names()
        rest = [name for name in right.collect_schema().names() if name not in how.right_on]
        final = {name: name + how.suffix if name in names else name for name in rest}
        keys = list(how.left_on)
        same_names = [nw.col(other).alias(key) for key, other in zip(keys, how.right_on, strict=True)]
        if how.how in ("semi", "anti"):
            return left.join(right.select(same_names), on=keys, how=how.how)
        right = right.select([*same_names, *(nw.col(name).alias(new) for name, new in final.items())])
        if how.how == "cross":
            return left.join(right, how="cross")
        wanted = [*names, *final.values()]
        if how.how == "right":
            return self._matched(right, left, keys, "left", ordered=how.ordered).select(wanted)
        if how.how == "full":
            mark = nw.generate_temporary_column_name(8, wanted)
            joined = left.join(right, on=keys, how="full", suffix=mark)
            return joined.with_columns(nw.coalesce(nw.col(key), nw.col(key + mark)).alias(key) for key in keys).select(wanted)
        return self._matched(left, right, keys, "left" if how.how == "left" else "inner", ordered=how.ordered)

    def require_once(self, frame: Frame, keys: Sequence[str], expected: str) -> Frame:
        """Return the frame, of which no two rows have equal keys; see `Verbs.require_once`."""
        eager = frame.collect()
        check_once(eager.select(list(keys)), expected)
        return eager.lazy()

    def _matched(self, left: Frame, right: Frame, keys: list[str], how: Literal["left", "inner"], *, ordered: bool) -> Frame:
        """Return the rows of the left table with those that match, in the left table's order where the library keeps it."""
        return left.join(right, on=keys, how=how)

    def join_asof(self, left: Frame, right: Frame, how: AsofJoining) -> Frame:
        """Return the left rows with those nearest in time; see `Verbs.join_asof`."""
        one, other = left.collect(), right.collect()
        taken = table_of(other).take(asof_rows(table_of(one.select([*how.by, how.at])), table_of(other), how))
        names = [name for name in other.columns if name not in how.by and name != how.at]
        made = [self._series(one, name + (how.suffix if name in one.columns else ""), taken[name]) for name in names]
        return (one.with_columns(made) if made else one).lazy()

    def join_interval(self, left: Frame, right: Frame, how: IntervalJoining) -> Frame:
        """Return the left rows with those whose interval they are in; see `Verbs.join_interval`."""
        one, other = left.collect(), right.collect()
        keyed = table_of(one.select([*how.by, how.at])), table_of(other.select(list(dict.fromkeys([*how.by, how.start, how.end]))))
        rows, others = interval_rows(*keyed, how)
        names = {name: name + (how.suffix if name in one.columns else "") for name in other.columns if name not in how.by}
        taken = table_of(other.select(list(names))).take(others)
        beside = [self._series(one, new, taken[name]) for name, new in names.items()]
        made: Frame = one[rows.to_numpy()].with_columns(beside).lazy()
        return made

    def sort(self, frame: Frame, columns: Sequence[str], descending: Sequence[bool], *, nulls_last: bool) -> Frame:
        """Return the rows in order; see `Verbs.sort`."""
        return frame.sort(list(columns), descending=list(descending), nulls_last=nulls_last)

    def hash_rows(self, frame: Frame, columns: Sequence[str], seed: int, name: str) -> Frame:
        """Return the frame with the hash of the columns; see `Verbs.hash_rows`."""
        eager = frame.collect()
        hashed = row_hashes(table_of(eager.select(list(columns))), seed)
        return eager.with_columns(self._series(eager, name, pa.array(hashed, pa.uint64()))).lazy()

    def hash_columns(self, frame: Frame, columns: Sequence[str], seed: int, n_bits: int) -> Frame:
        """Return the frame with the columns hashed; see `Verbs.hash_columns`."""
        eager = frame.collect()
        made = [self._series(eager, name, hashed_column(eager[name].to_arrow(), seed, n_bits)) for name in columns]
        return eager.with_columns(made).lazy()

    def look_up(self, frame: Frame, values: Mapping[str, Sequence[str]], unknown: int | None) -> Frame:
        """Return the frame with the columns' positions; see `Verbs.look_up`."""
        for column, known in values.items():
            frame = self._looked_up(frame, column, known, unknown)
        return frame

    def scale(self, frame: Frame, scales: Mapping[str, tuple[float, float]]) -> Frame:
        """Return the frame with the columns scaled; see `Verbs.scale`."""
        return frame.with_columns([(nw.col(name).cast(nw.Float64) - mean) / by for name, (mean, by) in scales.items()])

    def _looked_up(self, frame: Frame, column: str, values: Sequence[str], unknown: int | None) -> Frame:
        """Return the frame with one column's positions."""
        eager = frame.collect()
        text = table_of(eager.select(nw.col(column).cast(nw.String)))[column].combine_chunks()
        found = pc.index_in(text, value_set=pa.array(values, text.type))
        if unknown is not None:
            found = pc.if_else(text.is_null(), found, pc.fill_null(found, pa.scalar(unknown, pa.int32())))
        return eager.with_columns(self._series(eager, column, found)).lazy()

    def roll(self, frame: Frame, window: Window) -> Frame:
        """Return the frame with the window's aggregates; see `Verbs.roll`."""
        eager = frame.collect()
        made = roll_table(table_of(eager.select(window.columns)), window)
        return eager.with_columns(self._series(eager, name, made[name]) for name in made.column_names).lazy()

    def map_arrays(self, frame: Frame, mapped: ArrayMap) -> Frame:
        """Return the frame with the function's columns; see `Verbs.map_arrays`."""
        eager = frame.collect()
        kept = [name for name in eager.columns if name not in mapped.drop]
        columns = run_mapped(table_of(eager.select(list(mapped.columns))), mapped)
        made = [self._series(eager, name, column) for (name, _), column in zip(mapped.outputs, columns, strict=True)]
        whole: Frame = (eager.select(kept).with_columns(*made) if kept else made[0].to_frame().with_columns(*made)).lazy()
        return whole

    def map_text(self, frame: Frame, mapped: TextMap) -> Frame:
        """Return the rows made of the texts; see `Verbs.map_text`."""
        eager = frame.collect()
        made = text_rows(table_of(eager.select(mapped.column))[mapped.column].combine_chunks(), mapped)
        whole = made.drop_columns("row")
        if mapped.kept:
            kept = table_of(eager.select(list(mapped.kept))).take(made["row"])
            whole = pa.table({name: table[name] for table in (kept, whole) for name in table.column_names})
        return self.literal(whole)

    def unfitted(self, estimator: Any) -> Any:
        """Return a copy of the estimator, which takes NumPy arrays."""
        return unfitted_copy(estimator)

    def literal(self, table: pa.Table) -> Frame:
        """Return an Arrow table as a narwhals frame."""
        made: Frame = nw.from_native(table).lazy()
        return made

    def _series(self, like: nw.DataFrame[Any], name: str, values: pa.Array | pa.ChunkedArray) -> nw.Series[Any]:
        """Return Arrow values as a column of the library that `like` is of."""
        return nw.from_arrow(pa.table({name: values}), backend=like.implementation)[name]


def check_once(keys: nw.DataFrame[Any], expected: str) -> None:
    """Raise StageError with an example where two rows are equal and none of their values is missing."""
    count = nw.generate_temporary_column_name(8, keys.columns)
    repeated = keys.drop_nulls().group_by(keys.columns).agg(nw.len().alias(count)).filter(nw.col(count) > 1).head(1)
    for row in repeated.iter_rows(named=True):
        n_rows = row.pop(count)
        example = ", ".join(f"{name}={value!r}" for name, value in row.items())
        msg = f"{expected}, got {example} in {n_rows} rows. Deduplicate or aggregate that table first"
        raise StageError(f"{msg}, or leave out validate." if "validate" in expected else f"{msg}.")


def asof_rows(left: pa.Table, right: pa.Table, how: AsofJoining) -> pa.Array:
    """Return for each left row the place of the right one that is nearest in time; a missing key or time has none."""
    columns = [*how.by, how.at]
    whole = pa.concat_tables([left.select(columns), right.select(columns)], promote_options="permissive")
    known = np.ones(whole.num_rows, dtype=bool)
    for name in columns:
        known &= np.asarray(whole[name].is_valid())
    key, at = _codes(whole.select(list(how.by))), np.asarray(whole[how.at].fill_null(0), dtype=np.int64)
    ours, theirs = np.flatnonzero(known[: len(left)]), np.flatnonzero(known[len(left) :])
    others = theirs + len(left)
    places = asof_places(key[ours], at[ours], key[others], at[others], how.strategy, how.tolerance, exact=how.exact)
    made, missing = np.zeros(len(left), dtype=np.int64), np.ones(len(left), dtype=bool)
    found = places >= 0
    made[ours[found]], missing[ours[found]] = theirs[places[found]], False
    return pa.array(made, mask=missing)


def interval_rows(left: pa.Table, right: pa.Table, how: IntervalJoining) -> tuple[pa.Array, pa.Array]:
    """Return the pairs of a left row and a right one in whose interval it is; in a left join also rows that are in none."""
    by, n_rows = list(how.by), len(left)
    whole = pa.concat_tables([left.select(by), right.select(by)], promote_options="permissive")
    known = np.logical_and.reduce([np.asarray(whole[name].is_valid()) for name in by])
    columns = [table[name].combine_chunks() for table, name in ((left, how.at), (right, how.start), (right, how.end))]
    value, start, end = (column_values(column) for column in columns)
    ours = np.flatnonzero(known[:n_rows] & ~value.mask)
    theirs = np.flatnonzero(known[n_rows:] & ~start.mask)
    arrays = _comparable([value.data[ours], start.data[theirs], end.data[theirs]])
    key = _codes(whole)
    taken, others = interval_pairs((key[ours], key[theirs + n_rows]), arrays[0], (arrays[1], arrays[2]), end.mask[theirs], how.closed)
    rows, places = ours[taken], theirs[others]
    alone = np.setdiff1d(np.arange(n_rows), rows) if how.how == "left" else rows[:0]
    missing = np.arange(len(rows) + len(alone)) >= len(rows)
    return pa.array(np.append(rows, alone)), pa.array(np.append(places, np.zeros(len(alone), dtype=np.int64)), mask=missing)


def _comparable(arrays: list[Any]) -> list[Any]:
    """Return numbers of several dtypes to be compared as what they are: of 64 bits with and without a sign NumPy would make floats."""
    dtype = np.result_type(*arrays)
    if dtype.kind == "f" and all(array.dtype.kind in "iu" for array in arrays):
        large = any(array.dtype.kind == "u" and len(array) and array.max() > _MOST for array in arrays)
        return [array.astype(object if large else np.int64) for array in arrays]
    return arrays


def account_of(error: BaseException) -> str | None:
    """Return a stage's own account of a value within the error of a library that could not cast it; None where there is none."""
    found = _ACCOUNT.search(str(error))
    return None if found is None else f"{found.group()}."


def roll_table(table: pa.Table, window: Window) -> pa.Table:
    """Return one column for each aggregate of the window, in the row order of the table; nothing where a row has no index."""
    index = table[window.index].combine_chunks()
    rows = np.flatnonzero(np.asarray(index.is_valid())) if index.null_count else slice(None)
    position = np.asarray(index.fill_null(0).cast(pa.int64()))[rows]
    inputs = []
    for rolled in window.aggregates:
        column = table[rolled.column].combine_chunks()
        if rolled.function == "sum" and column.type == pa.uint64():
            column = column.cast(pa.int64())  # in which sums are, or an error
        counted = rolled.function == "count"  # which takes columns of any dtype
        data = np.ones(len(column), dtype=np.int8) if counted else np.ma.getdata(column_values(column))
        inputs.append((data[rows], np.asarray(column.is_valid())[rows], rolled.function))
    made = {}
    for rolled, (values, there) in zip(
        window.aggregates, _rolled_by_key(_codes(table.select(list(window.by)))[rows], position, inputs, window), strict=True
    ):
        whole = np.zeros(table.num_rows, dtype=values.dtype)
        missing = np.ones(table.num_rows, dtype=bool)
        whole[rows], missing[rows] = values, ~there
        kind = table[rolled.column].type if rolled.function in SAME_DTYPE else None
        made[rolled.name] = pa.array(whole, mask=missing).cast(kind) if kind is not None else pa.array(whole, mask=missing)
    return pa.table(made)


def _rolled_by_key(key: Any, index: Any, inputs: Sequence[tuple[Any, Any, str]], window: Window) -> list[tuple[Any, Any]]:
    """Return what `roll_arrays` does, worked out for some keys at a time, whose arrays stay in the processor's cache."""
    order = None if bool((key[1:] >= key[:-1]).all()) else np.argsort(key, kind="stable")
    if order is not None:
        key, index = key[order], index[order]
        inputs = [(data[order], valid[order], function) for data, valid, function in inputs]
    begins = np.append(np.flatnonzero(key[1:] != key[:-1]) + 1, len(key))
    cuts = np.unique(begins[np.searchsorted(begins, np.arange(_ROLLED_ROWS, len(key), _ROLLED_ROWS))])
    pieces = [slice(*ends) for ends in pairwise([0, *cuts.tolist(), *([len(key)] if not len(cuts) or cuts[-1] < len(key) else [])])]
    parts = [
        roll_arrays(key[piece], index[piece], [(data[piece], valid[piece], how) for data, valid, how in inputs], window.start, window.stop)
        for piece in pieces
    ]
    made = [(np.concatenate([part[n][0] for part in parts]), np.concatenate([part[n][1] for part in parts])) for n in range(len(inputs))]
    if order is None:
        return made
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return [(values[back], there[back]) for values, there in made]


def row_hashes(table: pa.Table, seed: int) -> Any:
    """Return the hash of each row; floats count in single precision, since their last bits depend on the order of sums."""
    return hash_table(table, table.column_names, seed, single=True)


def hashable(table: pa.Table) -> pa.Table:
    """Return the keys with times of day and durations, which have no hash of their own, as whole numbers."""
    timely = (pa.types.is_time, pa.types.is_duration)
    columns = [column.cast(pa.int64()) if any(is_one(column.type) for is_one in timely) else column for column in table.columns]
    return pa.table(columns, names=table.column_names)


def hashed_column(column: pa.Array, seed: int, n_bits: int) -> pa.Array:
    """Return the upper bits of each value's hash; each distinct value is hashed once."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole.dictionary_encode()
    table = pa.table({"value": encoded.dictionary})
    bits = hash_table(table, ["value"], seed) >> np.uint64(64 - n_bits)
    return pa.array(bits, pa.uint64()).cast(pa.uint32()).take(encoded.indices)


def _codes(keyed: pa.Table) -> Any:
    """Return one integer for each distinct key."""
    if keyed.num_rows == 0:
        return np.zeros(0, dtype=np.int64)
    if keyed.num_columns == 1 and _is_code(keyed[0]):
        return np.asarray(keyed[0].combine_chunks(), dtype=np.int64)
    code = np.zeros(keyed.num_rows, dtype=np.int64)
    for name in keyed.column_names:
        values = keyed[name].combine_chunks().dictionary_encode(null_encoding="encode").indices
        part = np.asarray(values, dtype=np.int64)
        code = np.unique(code * (int(part.max()) + 1) + part, return_inverse=True)[1]
    return code


def _is_code(column: pa.ChunkedArray) -> bool:
    """Whether a column's values are int64 as they are, and none is missing."""
    return pa.types.is_integer(column.type) and column.type != pa.uint64() and not column.null_count


def text_rows(texts: pa.Array, mapped: TextMap) -> pa.Table:
    """Return the rows that a function makes of texts, in their promised dtypes; no texts never reach the function."""
    schema = pa.schema([("row", pa.int64()), *((name, arrow_dtype(as_dtype(dtype))) for name, dtype in mapped.outputs)])
    return mapped.function(texts).select(schema.names).cast(schema) if len(texts) else schema.empty_table()


def run_mapped(table: pa.Table, mapped: ArrayMap) -> list[pa.Array]:
    """Return the function's columns for a table, in their promised dtypes; an empty table never reaches the function."""
    dtypes = [arrow_dtype(as_dtype(dtype)) for _, dtype in mapped.outputs]
    if table.num_rows == 0:
        return [pa.array([], type=dtype) for dtype in dtypes]
    made = mapped.function(named_frame(table) if mapped.named else as_array(table, whole_numbers=True))
    return [pa.array(column, from_pandas=mapped.nan_as_null).cast(dtype, safe=False) for column, dtype in zip(made, dtypes, strict=True)]
