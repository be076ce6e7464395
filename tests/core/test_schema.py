from __future__ import annotations

import narwhals.stable.v2 as nw
import pytest

from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.core.schema import Field, Schema, as_dtype, as_schema

SCHEMA = as_schema({"loan_id": nw.Int64, "rate": Field(nw.Float64(), nullable=False), "flag": nw.Boolean, "name": nw.String})


def test_schema_is_a_mapping_in_order() -> None:
    assert list(SCHEMA) == ["loan_id", "rate", "flag", "name"]
    assert len(SCHEMA) == 4
    assert SCHEMA["rate"] == Field(nw.Float64(), nullable=False)
    assert SCHEMA.dtypes["name"] == nw.String
    assert SCHEMA.not_null == {"rate"}
    assert SCHEMA.as_json()[1] == ["rate", "Float64", False]
    assert str(SCHEMA["rate"]) == "Float64 not null"
    assert str(SCHEMA["flag"]) == "Boolean"


def test_schema_of_itself_is_itself() -> None:
    assert as_schema(SCHEMA) is SCHEMA
    assert Schema.of_names({"a": nw.Int8()}) == as_schema({"a": nw.Int8})
    assert hash(SCHEMA) == hash(as_schema(dict(SCHEMA)))


def test_columns_that_come_twice() -> None:
    with pytest.raises(ColumnError, match=r"^Expected every column once, got 'a' more than once\. Rename one of them\.$"):
        Schema((("a", Field(nw.Int8())), ("a", Field(nw.Int8()))))


def test_columns_that_are_not_there() -> None:
    SCHEMA.require(["rate", "flag"])
    with pytest.raises(ColumnError) as caught:
        SCHEMA.require(["rate", "loan_idd"])
    assert str(caught.value) == (
        "There is no column 'loan_idd'. Did you mean 'loan_id'? The columns are 'loan_id', 'rate', 'flag', 'name'."
    )
    assert caught.value.missing == "loan_idd"


def test_columns_that_are_no_numbers() -> None:
    SCHEMA.require_numeric(["loan_id", "rate", "flag"], "Standardize")
    with pytest.raises(
        DtypeError,
        match=r"^Learn expects numbers, got String in column 'name'\. Encode it first, as with gp\.EncodeCategory\('name'\), or leave",
    ):
        SCHEMA.require_numeric(["rate", "name"], "Learn")
    with pytest.raises(ColumnError, match=r"^There is no column 'x'\."):
        SCHEMA.require_numeric(["x"], "Learn")


def test_dtypes() -> None:
    assert as_dtype(nw.Datetime("us")) == nw.Datetime("us")
    assert as_dtype(nw.Int64) == nw.Int64()
    for value in (int, "Int64", None):
        with pytest.raises(UsageError, match=r"^Expected a narwhals dtype such as nw\.Int64 or nw\.String, got "):
            as_dtype(value)


@pytest.mark.parametrize("zone", ["Europe/Berln", "Europe", "../x"])
def test_a_time_zone_that_nobody_knows(zone: str) -> None:
    for dtype in (nw.Datetime("us", zone), Field(nw.Datetime("us", zone))):
        with pytest.raises(UsageError, match=r"There is no time zone '.*'\..* Zones are named as in 'UTC' or 'Europe/Berlin'\."):
            as_schema({"a": dtype})
    assert as_schema({"a": nw.Datetime("us", "Europe/Berlin")})


def test_dtypes_that_not_every_engine_has() -> None:
    with pytest.raises(DtypeError, match=r"Column 'a' is Enum\(categories=\['x'\]\), which not every engine has\. Cast it to Categorical"):
        as_schema({"a": nw.Enum(["x"])})
    with pytest.raises(DtypeError, match=r"Column 'a' is Int128, which not every engine has\. Cast it to Int64 or Float64"):
        Schema.of_names({"a": nw.Int128()}).require_known()
    Schema.of_names({"a": nw.Categorical()}).require_known()
