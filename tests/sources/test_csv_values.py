"""Which texts a dtype takes."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pytest

from gpupipe.core.schema import as_schema
from gpupipe.sources.csv_values import value_checks


@pytest.mark.parametrize(
    ("dtype", "pattern", "good", "bad"),
    [
        (nw.Int8, None, ["-128", "+5", " 7"], ["128", "1.0", "1_0", "x", "0x1"]),
        (nw.UInt64, None, [str(2**64 - 1)], ["-1", str(2**64)]),
        (nw.Float64, None, ["1e5", "nan", "inf", "-.5"], ["1_0", "1,5", "x"]),
        (nw.Decimal(5, 2), None, ["1.25"], ["x"]),
        (nw.Boolean, None, ["true", "False"], ["yes", "1"]),
        (nw.Date, None, ["2020-02-29"], ["2021-02-29", "29.2.2020"]),
        (nw.Date, "%m/%Y", ["12/2007"], ["13/2007", "2007"]),
        (nw.Datetime("ns"), None, ["2020-01-01 10:00:00", "2020-01-01T10:00:00.123456789"], ["2020-13-01", "1600-01-01"]),
        (nw.Datetime("ns"), "%m/%Y", ["12/2007"], ["13/2007", "12/1600", "01/2300"]),
        (nw.Datetime("us"), "%m/%Y", ["12/1600"], ["13/2007"]),
    ],
)
def test_texts(dtype: object, pattern: str | None, good: list[str], bad: list[str]) -> None:
    check = value_checks(as_schema({"a": dtype}), {} if pattern is None else {"a": pattern})["a"]
    for value in good:
        check(value)
    for value in bad:
        with pytest.raises(ValueError):
            check(value)


def test_text_takes_every_text() -> None:
    assert not value_checks(as_schema({"a": nw.String}), {})
