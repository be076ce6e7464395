from __future__ import annotations

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

from gpupipe.core.errors import UnsupportedError
from gpupipe.core.schema import Field, Schema
from gpupipe.engines._arrow import arrow_schema
from gpupipe.engines.cudf.dtypes import device_schema, same_on_device, with_dates

PLAIN = Schema(
    (("i", Field(nw.Int8(), nullable=False)), ("d", Field(nw.Date())), ("t", Field(nw.Datetime("us"))), ("s", Field(nw.String())))
)


def test_dates_lie_as_seconds_and_come_back() -> None:
    lying = device_schema(PLAIN)
    assert lying["d"].dtype == nw.Datetime("s")
    assert [lying[name] for name in "its"] == [PLAIN[name] for name in "its"]
    table = pa.table({"d": pa.array([18262 * 86400, None], pa.timestamp("s")), "t": pa.array([1, 2], pa.timestamp("us"))})
    back = with_dates(table)
    assert back.schema.types == [arrow_schema(PLAIN).field("d").type, pa.timestamp("us")]
    assert back["d"].cast(pa.int32()).to_pylist() == [18262, None]


def test_no_planned_column_lies_as_seconds_itself() -> None:
    with pytest.raises(ValueError, match="time_unit"):
        nw.Datetime("minutes")  # type: ignore[arg-type]
    assert pa.timestamp("ms") != pa.timestamp("s")
    assert with_dates(pa.table({})).num_columns == 0


@pytest.mark.parametrize("dtype", [nw.Time(), nw.Binary(), nw.Array(nw.Int8(), 2), nw.List(nw.Date()), nw.Struct({"a": nw.Time()})])
def test_dtypes_that_cudf_has_not_are_refused_by_name(dtype: nw.dtypes.DType) -> None:
    with pytest.raises(UnsupportedError, match="Engine 'gpu' cannot hold column 'odd' of "):
        device_schema(Schema.of_names({"i": nw.Int8(), "odd": dtype}))


def test_lists_of_what_it_has_are_taken() -> None:
    schema = Schema.of_names({"l": nw.List(nw.Int8()), "s": nw.Struct({"a": nw.String()})})
    assert device_schema(schema) == schema


@pytest.mark.parametrize(
    ("have", "wanted", "same"),
    [
        (nw.Int64(), nw.Int8(), True),
        (nw.Int8(), nw.Float64(), True),
        (nw.Float32(), nw.Float64(), True),
        (nw.Date(), nw.Date(), True),
        (nw.String(), nw.String(), True),
        (nw.Float64(), nw.Int64(), False),
        (nw.String(), nw.Date(), False),
        (nw.Binary(), nw.Binary(), False),
        (nw.Datetime("ms"), nw.Datetime("us"), False),
    ],
)
def test_what_the_devices_reader_makes(have: nw.dtypes.DType, wanted: nw.dtypes.DType, same: bool) -> None:
    assert same_on_device(have, wanted) is same
