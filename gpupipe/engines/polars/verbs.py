"""The verbs in Polars' own lazy words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, cast

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.schema import as_dtype
from gpupipe.core.verbs import ArrayMap, AsofJoining, IntervalJoining, Joining, TextMap, Window
from gpupipe.engines._arrow import arrow_dtype
from gpupipe.engines._verbs import NarwhalsVerbs, check_once, interval_rows, row_hashes, run_mapped, text_rows
from gpupipe.engines.polars.hashing import TextHashes
from gpupipe.engines.polars.rolling import roll_frame, rolled_dtypes

Frame = nw.LazyFrame[Any]


def _lazy(frame: Frame) -> pl.LazyFrame:
    """Return the Polars frame inside."""
    native = frame.to_native()
    assert isinstance(native, pl.LazyFrame)
    return native


def _like(frame: Frame, native: pl.LazyFrame) -> Frame:
    """Return a Polars frame wrapped as another one is; `from_native` asks first what else it might be, which takes longer than a join."""
    wrapped: Frame = frame._with_compliant(frame._compliant_frame._with_native(native))
    return wrapped


@lru_cache(maxsize=64)
def _hash_of(columns: tuple[str, ...], seed: int) -> pl.Expr:
    """Return the hash of columns; the same object for all parts of a split, by which Polars sees that it is to be computed once."""

    def hashed(rows: pl.Series) -> pl.Series:
        return pl.Series(row_hashes(rows.struct.unnest().to_arrow(), seed))

    return pl.struct(columns).map_batches(hashed, return_dtype=pl.UInt64, is_elementwise=True)


class _InOrder(pl.LazyFrame):
    """A lazy frame, as are those made of it, whose left and inner joins keep the order of its rows unless they say otherwise."""

    def join(self, *given: Any, **options: Any) -> pl.LazyFrame:
        """Return the joined rows."""
        how = given[2] if len(given) > 2 else options.get("how", "inner")
        if how in ("inner", "left"):
            options.setdefault("maintain_order", "left")
        return super().join(*given, **options)


class PolarsVerbs(NarwhalsVerbs):
    """The verbs on lazy Polars frames; nothing here computes."""

    def in_order(self, frame: Frame) -> Frame:
        """Return the frame, whose joins keep its order; see `Verbs.in_order`."""
        return nw.from_native(_InOrder._from_pyldf(_lazy(frame)._ldf))

    def join(self, left: Frame, right: Frame, how: Joining) -> Frame:
        """Return the joined rows; see `Verbs.join`. Polars names and drops columns as that says, so nothing need be asked of the frames.

        The left table's order is kept where something depends on it: it takes half as long again.
        """
        if how.how in ("right", "full"):
            return NarwhalsVerbs.join(self, left, right, how)
        keys: dict[str, Any] = {} if how.how == "cross" else {"left_on": list(how.left_on), "right_on": list(how.right_on)}
        order: Any = "left" if how.ordered and how.how != "cross" else None
        return _like(left, _lazy(left).join(_lazy(right), **keys, how=how.how, suffix=how.suffix, maintain_order=order))

    def _matched(self, left: Frame, right: Frame, keys: list[str], how: Literal["left", "inner"], *, ordered: bool) -> Frame:
        """Return the rows that match."""
        return nw.from_native(_lazy(left).join(_lazy(right), on=keys, how=how, maintain_order="left" if ordered else "none"))

    def require_once(self, frame: Frame, keys: Sequence[str], expected: str) -> Frame:
        """Return the frame, which is looked through as it is computed; see `Verbs.require_once`.

        The first of the keys takes the look along. A struct of them would, too, but two uses of such a frame Polars computes twice.
        """
        native, names = _lazy(frame), list(keys)
        dtype = native.select(names[0]).collect_schema()[names[0]]

        def checked(columns: Sequence[pl.Series]) -> pl.Series:
            given = pl.DataFrame(dict(zip(names, columns, strict=True))).drop_nulls()
            if given.n_unique() < len(given):
                check_once(nw.from_native(given, eager_only=True), expected)
            return columns[0]

        return _like(frame, native.with_columns(pl.map_batches(names, checked, return_dtype=dtype).alias(names[0])))

    def join_asof(self, left: Frame, right: Frame, how: AsofJoining) -> Frame:
        """Return the left rows with those nearest in time; see `Verbs.join_asof`. Both tables are in order of time."""
        options: dict[str, Any] = {"on": how.at, "by": list(how.by), "strategy": how.strategy, "suffix": how.suffix}
        joined = _lazy(left).join_asof(
            _lazy(right), **options, tolerance=how.tolerance, allow_exact_matches=how.exact, coalesce=True, check_sortedness=False
        )
        return nw.from_native(joined)

    def join_interval(self, left: Frame, right: Frame, how: IntervalJoining) -> Frame:
        """Return the left rows with those whose interval they are in; see `Verbs.join_interval`.

        Both tables stand side by side in one, which a function takes apart: there is no other lazy function of two tables.
        """
        ours, theirs = _lazy(left), _lazy(right)
        mine, yours = ours.collect_schema(), theirs.collect_schema()
        new = {name: name + (how.suffix if name in mine else "") for name in yours if name not in how.by}
        schema = pl.Schema({**mine, **{new[name]: yours[name] for name in new}})
        marks = {side: nw.generate_temporary_column_name(8, [*mine, *yours], prefix=side) for side in ("left", "right")}
        moved = {name: f"{marks['right']}{name}" for name in yours}
        one, other = (
            native.with_columns(pl.lit(value=True).alias(mark)) for native, mark in zip((ours, theirs), marks.values(), strict=True)
        )

        def paired(both: pl.DataFrame) -> pl.DataFrame:
            given = both.filter(pl.col(marks["left"])).select(list(mine))
            others = both.filter(pl.col(marks["right"])).select(pl.col(new).alias(name) for name, new in moved.items())
            rows, places = interval_rows(plain_table(given.to_arrow()), plain_table(others.to_arrow()), how)
            taken = others.select(pl.col(name).gather(pl.Series(places)).alias(to) for name, to in new.items())
            return given[pl.Series(rows)].hstack(taken).select(list(schema))

        beside = pl.concat([one, other.rename(moved)], how="horizontal_extend")
        return _like(left, beside.map_batches(paired, schema=schema, predicate_pushdown=False, projection_pushdown=False))

    def hash_rows(self, frame: Frame, columns: Sequence[str], seed: int, name: str) -> Frame:
        """Return the frame with the hash of the columns; see `Verbs.hash_rows`."""
        return nw.from_native(_lazy(frame).with_columns(_hash_of(tuple(columns), seed).alias(name)))

    def hash_columns(self, frame: Frame, columns: Sequence[str], seed: int, n_bits: int) -> Frame:
        """Return the frame with the columns hashed; see `Verbs.hash_columns`."""
        made = [
            pl.col(name).map_batches(TextHashes(seed, n_bits), return_dtype=pl.UInt32, is_elementwise=True).alias(name) for name in columns
        ]
        return nw.from_native(_lazy(frame).with_columns(made))

    def look_up(self, frame: Frame, values: Mapping[str, Sequence[str]], unknown: int | None) -> Frame:
        """Return the frame with the columns' positions; see `Verbs.look_up`."""
        return nw.from_native(_lazy(frame).with_columns(_position(name, known, unknown) for name, known in values.items()))

    def scale(self, frame: Frame, scales: Mapping[str, tuple[float, float]]) -> Frame:
        """Return the frame with the columns scaled; see `Verbs.scale`."""
        return nw.from_native(_lazy(frame).with_columns((pl.col(name).cast(pl.Float64) - mean) / by for name, (mean, by) in scales.items()))

    def roll(self, frame: Frame, window: Window) -> Frame:
        """Return the frame with the window's aggregates; see `Verbs.roll`."""
        native = _lazy(frame)
        schema = native.collect_schema()
        types = pl.Struct(rolled_dtypes(window, schema))

        def rolled(rows: pl.Series) -> pl.Series:
            return roll_frame(rows.struct.unnest(), window).to_struct()

        whole = nw.generate_temporary_column_name(8, schema.names())
        expression = pl.struct(window.columns).map_batches(rolled, return_dtype=types)
        return nw.from_native(native.with_columns(expression.alias(whole)).unnest(whole))

    def map_arrays(self, frame: Frame, mapped: ArrayMap) -> Frame:
        """Return the frame with the function's columns; see `Verbs.map_arrays`."""
        native = _lazy(frame)
        names = native.collect_schema().names()
        kept = [name for name in names if name not in mapped.drop and name not in {name for name, _ in mapped.outputs}]
        types = pl.Schema(pa.schema([(name, arrow_dtype(as_dtype(dtype))) for name, dtype in mapped.outputs]))
        whole = nw.generate_temporary_column_name(8, names)

        def function(rows: pl.Series) -> pl.Series:
            columns = run_mapped(rows.struct.unnest().to_arrow(), mapped)
            made = pl.DataFrame({name: pl.from_arrow(column) for name, column in zip(types, columns, strict=True)})
            return made.to_struct(whole)

        expression = pl.struct(mapped.columns).map_batches(function, return_dtype=pl.Struct(types), is_elementwise=not mapped.whole)
        made = native.with_columns(expression.alias(whole)).select([*kept, pl.col(whole).struct.unnest()])
        return nw.from_native(made)

    def map_text(self, frame: Frame, mapped: TextMap) -> Frame:
        """Return the rows made of the texts, a list of them for each text first; see `Verbs.map_text`."""
        types = pl.Schema(pa.schema([(name, arrow_dtype(as_dtype(dtype))) for name, dtype in mapped.outputs]))
        listed = pl.List(pl.Struct(types))

        def function(texts: pl.Series) -> pl.Series:
            made = text_rows(texts.to_arrow(), mapped)
            ends = np.searchsorted(made["row"].to_numpy(), np.arange(len(texts) + 1))
            rows = made.drop_columns("row").to_struct_array().combine_chunks()
            lists = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), rows)
            return cast(pl.Series, pl.from_arrow(lists)).cast(listed)

        whole = nw.generate_temporary_column_name(8, [*mapped.kept, mapped.column])
        expression = pl.col(mapped.column).map_batches(function, return_dtype=listed, is_elementwise=True)
        lists = _lazy(frame).select([*mapped.kept, expression.alias(whole)])
        return nw.from_native(lists.explode(whole, empty_as_null=False, keep_nulls=False).unnest(whole))

    def literal(self, table: pa.Table) -> Frame:
        """Return an Arrow table as a lazy Polars frame."""
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return nw.from_native(frame.lazy())


def _position(column: str, values: Sequence[str], unknown: int | None) -> pl.Expr:
    """Return the position of a column's text among the values."""
    text = pl.col(column).cast(pl.String)
    found = pl.lit(unknown, dtype=pl.Int32)
    if values:
        found = text.replace_strict(list(values), list(range(len(values))), default=unknown, return_dtype=pl.Int32)
    return pl.when(text.is_not_null()).then(found).alias(column)
