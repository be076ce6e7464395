"""The dtypes that JSON values need."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pytest

from gpupipe.core.errors import SourceError
from gpupipe.sources.json_schema import misfit, records_schema


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([None], nw.String()),
        ([True, None], nw.Boolean()),
        ([1, 2.5], nw.Float64()),
        ([2**63], nw.UInt64()),
        ([2**63, 0], nw.UInt64()),
        ([2**63, 2**62], nw.UInt64()),
        ([2**53, -(2**53), 0.5], nw.Float64()),
        ([2**62, -1], nw.Int64()),
        ([10**21], nw.Float64()),
        ([1, "x"], nw.String()),
        ([True, 1], nw.String()),
        ([[], [1]], nw.List(nw.Int64())),
        ([[1], [2.5, None]], nw.List(nw.Float64())),
        ([[]], nw.List(nw.String())),
        ([{"x": 1}, {"y": None}], nw.Struct([nw.Field("x", nw.Int64()), nw.Field("y", nw.String())])),
        ([[{"x": 1}], [{"x": 1.5}]], nw.List(nw.Struct([nw.Field("x", nw.Float64())]))),
        ([[1], {"x": 1}], nw.String()),
    ],
)
def test_values_make_a_dtype(values: list[Any], dtype: Any) -> None:
    assert records_schema({"a": value} for value in values).dtypes == {"a": dtype}
    assert not any(misfit(dtype, value) for value in values)


@pytest.mark.parametrize("values", [[2**53 + 1, 0.5], [-(2**53) - 1, 1e300], [2**63, -1], [2**64 + 1], [[2**53 + 1], [0.5]]])
def test_whole_numbers_that_no_dtype_holds_are_text(values: list[Any]) -> None:
    assert str(records_schema({"a": value} for value in values)["a"].dtype) in ("String", "List(String)")


def test_values_of_another_kind_do_not_fit() -> None:
    assert misfit(nw.Int64(), 1.5) and misfit(nw.Int64(), True) and misfit(nw.Float64(), "1") and misfit(nw.Boolean(), 0)
    assert misfit(nw.List(nw.Int64()), {"x": 1}) and misfit(nw.Struct([nw.Field("x", nw.Int64())]), {"x": "y"})


def test_records_that_share_no_keys_are_refused() -> None:
    """A megabyte of such records would be a table of gigabytes."""
    with pytest.raises(SourceError, match=r"Expected records that share their keys, got 3,000 keys in 3,000 records .* Declare a schema"):
        records_schema({f"k{number}": 1} for number in range(3_000))
    assert len(records_schema({f"k{number}": 1 for number in range(3_000)} for _ in range(3))) == 3_000
    assert len(records_schema({f"k{number % 50}": 1} for number in range(3_000))) == 50
