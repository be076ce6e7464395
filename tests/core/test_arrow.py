"""Arrow types and planned dtypes."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

from gpupipe.core.arrow import dtype_of, plain_table, plain_type, schema_of
from gpupipe.core.errors import DtypeError
from gpupipe.engines._arrow import arrow_dtype

PLAIN = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float32(), pa.float64(), pa.bool_(), pa.large_string(), pa.large_binary(), pa.date32(), pa.time64("ns")),
    *(pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.duration("ms"), pa.decimal128(38, 10)),
    *(pa.large_list(pa.int8()), pa.list_(pa.float32(), 3), pa.struct([("a", pa.large_list(pa.large_string()))])),
]


@pytest.mark.parametrize("kind", PLAIN, ids=str)
def test_a_plain_type_stays_and_engines_deliver_it(kind: pa.DataType) -> None:
    assert plain_type(kind) == kind
    assert arrow_dtype(dtype_of(kind)) == kind


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        (pa.string(), pa.large_string()),
        (pa.dictionary(pa.int8(), pa.int64()), pa.int64()),
        (pa.run_end_encoded(pa.int32(), pa.float16()), pa.float32()),
        (pa.list_view(pa.string_view()), pa.large_list(pa.large_string())),
        (pa.time32("s"), pa.time64("ns")),
        (pa.duration("s"), pa.duration("ms")),
        (pa.decimal32(5, 1), pa.decimal128(5, 1)),
        (pa.uuid(), pa.large_binary()),
        (pa.struct([("a", pa.binary(4))]), pa.struct([("a", pa.large_binary())])),
    ],
    ids=str,
)
def test_other_types_are_read_as_plain_ones(kind: pa.DataType, plain: pa.DataType) -> None:
    assert plain_type(kind) == plain


@pytest.mark.parametrize(
    "kind",
    [pa.map_(pa.string(), pa.int8()), pa.month_day_nano_interval(), pa.decimal256(40, 2), pa.list_(pa.decimal128(5, -1))],
    ids=str,
)
def test_types_without_a_dtype_are_refused(kind: pa.DataType) -> None:
    with pytest.raises(DtypeError, match=r"Column 'x': Expected an Arrow type that has a dtype here, got .*Leave the column out"):
        schema_of(pa.schema([("a", pa.int8()), ("x", kind)]))
    assert schema_of(pa.schema([("a", pa.int8()), ("x", kind)]), ["a"]).dtypes == {"a": nw.Int8()}


def test_values_stay_as_types_become_plain() -> None:
    table = pa.table(
        {
            "d": pa.array(["x", None]).dictionary_encode(),
            "u": pa.array([b"0" * 16, None], pa.uuid()),
            "l": pa.array([[1.5], None], pa.list_(pa.float32())),
            "n": pa.nulls(2),
        }
    )
    assert plain_table(table).to_pydict() == {"d": ["x", None], "u": [b"0" * 16, None], "l": [[1.5], None], "n": [None, None]}
    assert plain_table(table).schema.types == [plain_type(kind) for kind in table.schema.types]
    assert plain_table(pa.table({})).num_columns == 0
