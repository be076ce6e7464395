"""What the tests of stages share: a small table with everything awkward in it."""

from __future__ import annotations

import pyarrow as pa
import pytest

NAN = float("nan")


@pytest.fixture
def awkward() -> pa.Table:
    """Return six rows with missing keys, missing values, NaN, infinity, empty and foreign text."""
    return pa.table(
        {
            "k": pa.array([1, 1, 2, None, None, 3], pa.int64()),
            "s": pa.array(["a", "é", None, "a", "", "日本"], pa.large_string()),
            "x": pa.array([1.0, NAN, None, 2.0, float("inf"), None], from_pandas=False),
            "i": pa.array([1, 2, None, 4, 5, -6], pa.int32()),
            "b": pa.array([True, None, False, True, True, None]),
        }
    )


@pytest.fixture(params=["list", "array", "struct"])
def nested(request: pytest.FixtureRequest) -> pa.Table:
    """Return no rows with a key of each dtype that Arrow does not compare."""
    dtypes = {"list": pa.large_list(pa.int64()), "array": pa.list_(pa.int64(), 2), "struct": pa.struct([("a", pa.int64())])}
    return pa.schema([("k", dtypes[request.param]), ("x", pa.int64())]).empty_table()
