from __future__ import annotations

import narwhals
import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.stages.filter import Filter
from gpupipe.testing.laws import check_row_stage
from gpupipe.testing.strategies import cut_tables


def test_missing_answer_is_not_true(awkward: pa.Table) -> None:
    assert check_row_stage(Filter(nw.col("i") > 1), awkward)["i"].to_pylist() == [2, 4, 5]
    assert check_row_stage(Filter(~nw.col("b")), awkward)["i"].to_pylist() == [None]


def test_every_condition_holds(awkward: pa.Table) -> None:
    assert check_row_stage(Filter(nw.col("i") > 1, nw.col("s") == "a"), awkward)["i"].to_pylist() == [4]


def test_nan_is_a_number_and_null_is_missing(awkward: pa.Table) -> None:
    assert check_row_stage(Filter(nw.col("x").is_null()), awkward)["i"].to_pylist() == [None, -6]
    assert check_row_stage(Filter(nw.col("x").is_nan()), awkward)["i"].to_pylist() == [2]


def test_a_condition_that_is_a_number_is_refused_in_the_plan() -> None:
    table = gp.FromArrow(pa.table({"x": [0.0, 2.0]})).node()
    with pytest.raises(DtypeError, match=r"^Filter expects conditions that are true or false, got Float64 from col\(x\)\. Compare it"):
        gp.Pipeline("p", out=Filter(nw.col("x"))(table)).check()


@given(cut_tables())
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    chosen = (nw.col("small") >= 0) | (nw.col("text").is_in(["a", "é"])) | (nw.col("flag") & nw.col("amount").is_null())
    check_row_stage(Filter(chosen), cut[0], cuts=cut[1])


@given(cut_tables(nan=False))
def test_law_of_comparing_floats(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_row_stage(Filter(nw.col("amount") > 0.5), cut[0], cuts=cut[1])


@pytest.mark.xfail(strict=True, reason="upstream: NaN > 1 is true in Polars and false in pandas (limits.py, 'NaN in comparisons')")
def test_comparing_nan(awkward: pa.Table) -> None:
    check_row_stage(Filter(nw.col("x") > 1), awkward)


@pytest.mark.xfail(strict=True, reason="upstream: pandas has no % for Arrow dtypes (pandas/limits.py)")
def test_modulo(awkward: pa.Table) -> None:
    check_row_stage(Filter(nw.col("i") % 2 == 0), awkward)


def test_name_shows_short_conditions() -> None:
    assert Filter(nw.col("a").is_null()).name == "Filter(col(a).is_null())"
    assert Filter(*[nw.col("a").is_null()] * 3).name == "Filter"


def test_no_condition() -> None:
    with pytest.raises(UsageError, match=r"^Filter expects at least one condition, got none\.$"):
        Filter()


def test_condition_of_python() -> None:
    with pytest.raises(UsageError, match=r"^Filter expects narwhals expressions \(nw\.col\('a'\) \+ 1\), got bool: True\.$"):
        Filter(True)


def test_expressions_of_others() -> None:
    for condition, told in ((pl.col("a") > 1, "Expr of Polars"), (narwhals.col("a") > 1, "Expr of another of narwhals' interfaces")):
        with pytest.raises(
            UsageError, match=rf"^Filter expects narwhals expressions .*, got {told}: .* import narwhals.stable.v2 as nw\.$"
        ):
            Filter(condition)


def test_column_that_is_not_there(engine: str) -> None:
    frame = pl.DataFrame({"a": [1]})
    with pytest.raises(ColumnError, match=r"^There is no column 'typo'\."):
        Filter(nw.col("typo") > 1).apply(frame if engine == "cpu" else frame.to_pandas())


def test_the_one_number_that_has_a_name(engine: str) -> None:
    rows = gp.FromFrame(pl.DataFrame({"x": [1, 2, 4]})).node()
    kept = gp.Filter(nw.col("x") > gp.Scalar(middle=nw.col("x").median())(rows))(rows)
    assert gp.Pipeline("p", out=kept).run(engine)["out"]["x"].to_list() == [4]
