from __future__ import annotations

import datetime as dt

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from gpupipe.testing.compare import as_arrow, assert_same_rows, rows_of

NAN = float("nan")


def floats(*values: float | None) -> pa.Table:
    """Return a table of one column of floats."""
    return pa.table({"x": pa.array(values, pa.float64(), from_pandas=False)})


def test_order_does_not_count_unless_asked() -> None:
    assert_same_rows(floats(1, None, NAN), floats(NAN, 1, None))
    with pytest.raises(AssertionError, match=r"^The rows differ: column 'x' of row 0 is 1\.0 left and 2\.0 right\. The rows are "):
        assert_same_rows(floats(1, 2), floats(2, 1), ordered=True)


def test_null_is_not_nan() -> None:
    message = r"^The rows differ\. Only left: \{'x': None\}\. Only right: \{'x': 'NaN, the number'\}\.$"
    with pytest.raises(AssertionError, match=message):
        assert_same_rows(floats(1, None), floats(1, NAN))
    with pytest.raises(AssertionError, match=r"column 'x' of row 0 in sorted order is None left and 'NaN, the number' right"):
        assert_same_rows(floats(None), floats(NAN), rtol=1)


def test_rows_count_as_often_as_they_come() -> None:
    with pytest.raises(AssertionError, match=r"^Expected as many rows, got 2 left and 1 right\. Only left: \{'x': 1\.0\}\.$"):
        assert_same_rows(floats(1, 1), floats(1))
    with pytest.raises(AssertionError, match=r"^The rows differ\. Only left: \{'x': 1\.0\}\. Only right: \{'x': 2\.0\}\.$"):
        assert_same_rows(floats(1, 1, 2), floats(1, 2, 2))


def test_long_differences_are_cut() -> None:
    with pytest.raises(AssertionError, match=r" and 15 more\.$"):
        assert_same_rows(floats(*range(20)), floats())


def test_columns_and_dtypes() -> None:
    with pytest.raises(AssertionError, match=r"^Expected the same columns, got \['a', 'b'\] left and \['b', 'a'\] right\.$"):
        assert_same_rows(pa.table({"a": [1], "b": [1]}), pa.table({"b": [1], "a": [1]}))
    with pytest.raises(AssertionError, match=r"^Expected the same dtypes, but 'x' is double left and int64 right\.$"):
        assert_same_rows(floats(1), pa.table({"x": [1]}))


def test_tolerance() -> None:
    assert_same_rows(floats(3, 1), floats(1 + 1e-12, 3), rtol=1e-9)
    assert_same_rows(floats(0), floats(1e-12), atol=1e-9)
    assert_same_rows(floats(float("inf"), NAN), floats(NAN, float("inf")), rtol=1e-9)
    for left, right in ((1.0, 1.1), (float("inf"), 1e300), (NAN, 1.0)):
        with pytest.raises(AssertionError, match=r"^The rows differ: column 'x' of row 0 in sorted order is "):
            assert_same_rows(floats(left), floats(right), rtol=1e-9)


def test_frames_of_every_library() -> None:
    table = pa.table({"a": pa.array([1, 2]), "s": pa.array(["x", None], pa.large_string())})
    frames = [pl.from_arrow(table), pl.from_arrow(table).lazy(), nw.from_native(table), table.to_pandas(types_mapper=pd.ArrowDtype)]  # type: ignore[union-attr]
    for frame in frames:
        assert_same_rows(frame, table)
        assert as_arrow(frame).schema == table.schema


def test_values_that_python_cannot_hold() -> None:
    far = pa.table({"t": pa.array([1 << 62], pa.timestamp("us")), "d": pa.array([dt.date(1, 1, 1)]), "l": pa.array([[1.0, NAN, None]])})
    assert_same_rows(far, far)
    assert rows_of(far) == [(1 << 62, -719162, (1.0, "NaN, the number", None))]


def test_tables_without_columns_or_rows() -> None:
    assert_same_rows(pa.table({}), pa.table({}))
    assert_same_rows(floats(), floats())
