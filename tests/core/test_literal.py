import narwhals.stable.v2 as nw
import polars as pl
import pytest

from gpupipe.core.errors import WiringError
from gpupipe.core.literal import Literal


def test_one_number_has_the_dtype_of_its_column() -> None:
    results = [pl.DataFrame({"n": [3]}, schema={"n": pl.Int32}).to_arrow()]
    assert Literal.of(3, results) == Literal(3, nw.Int32())
    assert Literal.of(3, []) == Literal(3, nw.Float64())


def test_several_numbers_are_none() -> None:
    assert nw.from_native(pl.DataFrame({"x": [1]})).select(a=Literal({"n": 3}, nw.Int64()).expression())["a"].to_list() == [3]
    with pytest.raises(WiringError, match="got several: 'low', 'high'"):
        Literal({"low": 1, "high": 2}, nw.Int64()).expression()
