"""Times in text, in every form that ISO 8601 has and Polars reads, alone and mixed."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from gpupipe.engines._times import iso_times, patterned_times

NAIVE = pl.Datetime("us")
FORMS = {
    "2020-02-29": datetime(2020, 2, 29),
    "2020-02-29 03:04": datetime(2020, 2, 29, 3, 4),
    "2020-02-29T03:04:05": datetime(2020, 2, 29, 3, 4, 5),
    "2020-02-29 03:04:05": datetime(2020, 2, 29, 3, 4, 5),
    "2020-02-29 03:04:05.25": datetime(2020, 2, 29, 3, 4, 5, 250_000),
    "1969-12-31T23:59:59.999999": datetime(1969, 12, 31, 23, 59, 59, 999_999),
}


def times(values: list[str | None], dtype: pl.Datetime = NAIVE) -> list[datetime | None]:
    frame = pl.LazyFrame({"t": values}, schema={"t": pl.String})
    read = frame.select(iso_times(pl.col("t"), dtype)).collect(engine="streaming")
    assert read.schema == {"t": dtype}
    return read["t"].to_list()


@pytest.mark.parametrize("text", FORMS)
def test_one_form_and_that_form_beside_others(text: str) -> None:
    assert times([None, text, text]) == [None, FORMS[text], FORMS[text]]
    assert times([text, None, *FORMS]) == [FORMS[text], None, *FORMS.values()]


def test_no_value_at_all() -> None:
    assert times([]) == [] and times([None]) == [None]


def test_time_zones() -> None:
    utc = pl.Datetime("ms", "UTC")
    assert times(["2020-02-29T01:30:00+01:00", "2020-02-29T00:30:00Z"], utc) == [datetime(2020, 2, 29, 0, 30, tzinfo=UTC)] * 2
    assert times(["2020-02-29 00:30:00", None], utc) == [datetime(2020, 2, 29, 0, 30, tzinfo=UTC), None]
    with pytest.raises(pl.exceptions.PolarsError):
        times(["2020-02-29T00:30:00Z"])


@pytest.mark.parametrize("first", ["2020-02-29 03:04:05", "2020-02-29"])
@pytest.mark.parametrize(
    "text", ["01/02/2020", "2020/02/29 03:04:05", "2020-2-29 03:04:05", "2020- 2-29 03:04:05", "2020-02-29 3:04:05", "x", ""]
)
def test_other_forms_are_refused_wherever_they_stand(text: str, first: str) -> None:
    for values in ([text], [first, text], [text, None, first]):
        with pytest.raises(pl.exceptions.PolarsError, match="is no time as ISO 8601 writes it"):
            times(list(values))


@pytest.mark.parametrize("text", ["2021-02-29 00:00:00", "2020-13-01 00:00:00", "2020-01-01 24:00:00", "2020-01-01 00:60:00"])
def test_what_no_calendar_has_is_refused(text: str) -> None:
    for values in ([text], ["2020-01-01 00:00:00", text]):
        with pytest.raises(pl.exceptions.PolarsError):
            times(list(values))


FIRST, LAST = "1677-09-21T00:12:43.145224193", "2262-04-11T23:47:16.854775807"
OUTSIDE = [
    "1600-01-01T00:00:00",
    "2300-01-01",
    "9999-12-31",
    "1677-09-21T00:12:43.145224192",
    "2262-04-11T23:47:16.854775808",
    " 2300-01-01",
]


@pytest.mark.parametrize("beside", [[], ["2020-01-01T00:00:00"], ["2020-01-01 00:00", None]])
@pytest.mark.parametrize("text", OUTSIDE)
def test_times_that_nanoseconds_do_not_hold_are_refused(text: str, beside: list[str | None]) -> None:
    with pytest.raises(pl.exceptions.PolarsError):
        times([*beside, text], pl.Datetime("ns"))


def test_time_zones_at_the_ends_of_what_nanoseconds_hold() -> None:
    for text in ("1677-09-22T00:00:00+23:59", "2262-04-10T23:59:00-23:59"):
        with pytest.raises(pl.exceptions.PolarsError):
            times([text], pl.Datetime("ns", "UTC"))
    frame = pl.DataFrame({"t": ["2262-04-12T00:47:16.854775807+01:00"]})
    assert frame.select(iso_times(pl.col("t"), pl.Datetime("ns", "UTC")).to_physical()).item() == 2**63 - 1


def test_the_first_and_the_last_nanosecond() -> None:
    frame = pl.DataFrame({"t": [FIRST, None, LAST]})
    assert frame.select(iso_times(pl.col("t"), pl.Datetime("ns")).to_physical())["t"].to_list() == [1 - 2**63, None, 2**63 - 1]


@pytest.mark.parametrize("pattern", ["%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S%.f"])
def test_patterns(pattern: str) -> None:
    text = "03.02.{} 04:05" + ":00.25" * ("f" in pattern)
    expected = datetime(2020, 2, 3, 4, 5, 0, 250_000 * ("f" in pattern))
    for unit in ("ms", "us", "ns"):
        frame = pl.LazyFrame({"t": [text.format(2020), None]})
        read = frame.select(patterned_times(pl.col("t"), pl.Datetime(unit), pattern)).collect(engine="streaming")["t"]
        assert read.dtype == pl.Datetime(unit) and read.to_list() == [expected, None]
    for year in (1600, 2300):
        frame = pl.LazyFrame({"t": [text.format(2020), text.format(year)]})
        assert frame.select(patterned_times(pl.col("t"), pl.Datetime("us"), pattern)).collect()["t"][1].year == year
        with pytest.raises(pl.exceptions.PolarsError):
            frame.select(patterned_times(pl.col("t"), pl.Datetime("ns"), pattern)).collect()
