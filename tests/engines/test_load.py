"""Engines by name, and stages on plain frames of every library."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError
from gpupipe.engines.load import load_engine
from gpupipe.stages.cast import Cast
from gpupipe.stages.fill_null import FillNull
from gpupipe.stages.filter import Filter
from gpupipe.stages.group_by import GroupBy
from gpupipe.stages.join import Join
from gpupipe.stages.select import Select
from gpupipe.stages.standardize import Standardize
from gpupipe.stages.with_columns import WithColumns
from gpupipe.testing.compare import assert_same_rows

ROWS = {"k": [1, 1, None], "x": [1.0, None, 3.0], "s": ["a", None, "é"]}
SUMS = GroupBy("k", total=nw.col("x").sum())


def test_engines_by_name(engine: str) -> None:
    loaded = load_engine(engine)
    assert loaded.name == engine
    loaded.close()


def test_names_of_no_engine() -> None:
    with pytest.raises(
        UsageError,
        match=r"^There is no engine 'panda'\. Did you mean 'pandas'\? The engines are 'auto', 'cpu', 'pandas', 'dask', 'gpu', 'dask-cuda'",
    ):
        load_engine("panda")


@pytest.mark.parametrize(
    "make",
    [
        pl.DataFrame,
        pl.LazyFrame,
        pa.table,
        pd.DataFrame,
        lambda rows: nw.from_native(pl.DataFrame(rows)),
        lambda rows: nw.from_native(pa.table(rows)).lazy(),
    ],
    ids=["polars", "lazy polars", "arrow", "pandas", "narwhals", "lazy narwhals of arrow"],
)
def test_result_comes_in_the_library_of_the_frame(make: object) -> None:
    frame = make(ROWS)  # type: ignore[operator]
    made = SUMS.apply(frame)
    assert type(made) is type(frame)
    if isinstance(frame, nw.LazyFrame | nw.DataFrame):
        assert made.implementation == frame.implementation
    if not isinstance(frame, pd.DataFrame):  # whose key has become a float beside its NaN
        assert_same_rows(made, pa.table({"k": [1, None], "total": [1.0, 3.0]}))


def test_nan_in_numpys_dtypes_is_missing() -> None:
    frame = pd.DataFrame({"x": [1.0, np.nan], "s": ["a", None], "o": np.array([None, "b"], dtype=object)}, index=[7, 7])
    made = FillNull(0.0).apply(WithColumns(y=nw.col("x") * 2).apply(frame))
    assert made.to_dict("list") == {"x": [1.0, 0.0], "s": ["a", None], "o": [None, "b"], "y": [2.0, 0.0]}
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in made.dtypes)
    assert list(made.index) == [0, 1]


def test_nan_in_arrow_dtypes_is_a_number() -> None:
    values = pd.array(pa.array([np.nan, None], from_pandas=False), dtype=pd.ArrowDtype(pa.float64()))
    made = WithColumns(nan=nw.col("x").is_nan(), null=nw.col("x").is_null()).apply(pd.DataFrame({"x": values}))
    assert made["nan"].tolist() == [True, pd.NA]
    assert made["null"].tolist() == [False, True]


def test_input_stays_as_it_was() -> None:
    frame = pd.DataFrame(ROWS, index=[3, 1, 2])
    before = frame.copy(deep=True)
    WithColumns(x=nw.col("x") + 1).apply(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_categories_come_as_text() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["a", None, "a"])})
    assert GroupBy("c", n=nw.len(), null_keys="drop").apply(frame).to_dict("list") == {"c": ["a"], "n": [2]}


def test_frames_of_two_libraries() -> None:
    made = Join("k").apply(pl.DataFrame({"k": [1, 2]}), pd.DataFrame({"k": [2], "v": ["b"]}))
    assert made.to_dicts() == [{"k": 2, "v": "b"}]
    assert isinstance(Join("k").apply(pd.DataFrame({"k": [2]}), pl.DataFrame({"k": [2]})), pd.DataFrame)


def test_fitting_plain_frames_of_every_library() -> None:
    for frame in (
        pl.DataFrame({"x": [1.0, 3.0, None]}),
        pd.DataFrame({"x": [1.0, 3.0, np.nan]}),
        pa.table({"x": [1.0, 3.0, None]}),
    ):
        fitted = Standardize("x").fit_plain(frame)
        assert fitted.means == (2.0,)  # type: ignore[attr-defined]


def test_frames_of_no_known_library() -> None:
    message = r"^Select expects a Polars, pandas or Arrow frame, got {}\. Make one of it first, such as pl\.DataFrame or pa\.table\.$"
    for frame, kind in (([1], "list"), ({"a": [1]}, "dict"), (None, "NoneType"), (np.ones(3), "ndarray")):
        with pytest.raises(UsageError, match=message.format(kind)):
            Select("a").apply(frame)
    with pytest.raises(UsageError, match=r"^Select\.apply takes at least one frame\.$"):
        Select("a").apply()


def test_column_of_mixed_values() -> None:
    with pytest.raises(
        DtypeError, match=r"^Expected a column of one kind of values, but 'a' is none: .* Convert its values to one dtype first\.$"
    ):
        Select("a").apply(pd.DataFrame({"a": pd.Series([1, "a"], dtype=object)}))


def test_errors_are_ours(engine: str) -> None:
    frame = pl.DataFrame({"a": ["q"]}) if engine == "cpu" else pd.DataFrame({"a": ["q"]})
    with pytest.raises(ColumnError, match=r"^There is no column 'b'\."):
        Select("b").apply(frame)
    with pytest.raises(ColumnError, match=r"^There is no column 'b'\."):
        Filter(nw.col("b") > 1).apply(frame)
    with pytest.raises(StageError, match="q"):
        Cast({"a": nw.Int64}).apply(frame)
