"""Dates and times as ISO 8601 writes them."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pytest
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.iso import check_iso


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        (nw.Date(), "2020-02-29"),
        (nw.Date(), " 2020-2-9"),
        (nw.Time(), "23:59:59"),
        (nw.Time(), "9:5:60"),
        (nw.Time(), "23:59:59.123456789"),
        (nw.Datetime("us"), "2020-02-29"),
        (nw.Datetime("us"), " 2020-02-29T23:59 "),
        (nw.Datetime("ns"), "2020-02-29 23:59:59.123456789"),
        (nw.Datetime("us", "UTC"), "2020-02-29T23:59:59Z"),
        (nw.Datetime("us"), "1600-01-01"),
        (nw.Datetime("us"), "2020-02-29 23:59:60"),
        (nw.Datetime("ns"), "1677-09-21T00:12:43.145224193"),
        (nw.Datetime("ns"), "2262-04-11T23:47:16.854775807"),
        (nw.Datetime("ns", "UTC"), "2262-04-12T00:47:16.85+01:00"),
        (nw.Datetime("us", "UTC"), "2020-02-29T23:59:59.5+0130"),
    ],
)
def test_what_is_iso_8601(dtype: DType, text: str) -> None:
    check_iso(dtype, text)


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        (nw.Date(), "2021-02-29"),
        (nw.Date(), "20200229"),
        (nw.Date(), "2020-02-29 "),
        (nw.Time(), "23:59"),
        (nw.Time(), "23:59:60"),
        (nw.Time(), "24:00:00"),
        (nw.Datetime("us"), "29/02/2020"),
        (nw.Datetime("us"), "2021-02-29 00:00:00"),
        (nw.Datetime("us"), "2020-02-29 25:00:00"),
        (nw.Datetime("us"), "2020-02-29 24:00:00"),
        (nw.Datetime("us"), "2020-02-29T23:59:59Z"),
        (nw.Datetime("us"), "2020-02-29T"),
        (nw.Datetime("us", "UTC"), "2020-02-29Z"),
        (nw.Datetime("us", "UTC"), "2020-02-29T10:00+24:00"),
        (nw.Datetime("ns"), "1677-09-21T00:12:43.145224192"),
        (nw.Datetime("ns"), "2262-04-11T23:47:16.854775808"),
        (nw.Datetime("ns", "UTC"), "2262-04-11T23:47:16.85-01:00"),
        (nw.Datetime("ns", "UTC"), "2300-01-01Z"),
        (nw.Datetime("us"), "\N{ARABIC-INDIC DIGIT TWO}020-02-29"),
    ],
)
def test_what_is_not(dtype: DType, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_iso(dtype, text)
