from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from gpupipe.core.arrow import dtype_of, plain_table
from gpupipe.core.errors import DtypeError
from gpupipe.core.schema import as_schema
from gpupipe.engines._arrow import arrow_dtype, arrow_schema, as_array, column_values, conform_arrow, from_pandas, table_of

NAN = float("nan")


@pytest.mark.parametrize(
    "kind",
    [
        *(
            pa.int8(),
            pa.uint64(),
            pa.float32(),
            pa.float64(),
            pa.bool_(),
            pa.large_string(),
            pa.large_binary(),
            pa.date32(),
            pa.time64("ns"),
        ),
        *(
            pa.timestamp("us"),
            pa.timestamp("ms", "UTC"),
            pa.duration("ns"),
            pa.decimal128(9, 2),
            pa.large_list(pa.int8()),
            pa.list_(pa.int8(), 3),
        ),
        pa.struct([("a", pa.int8()), ("b", pa.timestamp("us"))]),
    ],
    ids=str,
)
def test_dtypes_come_back_as_the_types_they_were_of(kind: pa.DataType) -> None:
    assert arrow_dtype(dtype_of(kind)) == kind


def test_dtype_that_arrow_lacks() -> None:
    with pytest.raises(DtypeError, match=r"^Expected a dtype that Arrow has, got Unknown\. Cast the column first\.$"):
        arrow_dtype(nw.Unknown())


def test_schema_says_what_cannot_be_missing() -> None:
    schema = nw.from_native(pa.table({"a": [1]})).schema
    assert arrow_schema(as_schema(schema)).field("a").nullable


def test_plain_types() -> None:
    table = pa.table(
        {
            "c": pa.array(["a", None, "a"]).dictionary_encode(),
            "v": pa.array(["x", "y", None], pa.string_view()),
            "h": pa.array([1.5, None, 2.5], pa.float16()),
            "n": pa.nulls(3),
        }
    )
    made = plain_table(table)
    assert made.schema.types == [pa.large_string(), pa.large_string(), pa.float32(), pa.large_string()]
    assert made.to_pydict() == {"c": ["a", None, "a"], "v": ["x", "y", None], "h": [1.5, None, 2.5], "n": [None] * 3}


def test_conformed_table_has_the_schemas_types_and_order() -> None:
    made = conform_arrow(pa.table({"b": [1], "a": ["x"]}), as_schema({"a": nw.String, "b": nw.Int8}))
    assert made.schema == pa.schema([("a", pa.large_string()), ("b", pa.int8())])


def test_index_is_no_column() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    assert table_of(nw.from_native(frame, eager_only=True)).column_names == ["a"]


def test_nan_of_pandas() -> None:
    arrow = pd.Series(pd.array(pa.array([NAN, None], from_pandas=False), dtype=pd.ArrowDtype(pa.float64())))
    table = from_pandas(pd.DataFrame({"numpy": [NAN, 1.0], "arrow": arrow, "masked": pd.array([None, 1], dtype="Int64")}))
    assert str(table.to_pydict()) == "{'numpy': [None, 1.0], 'arrow': [nan, None], 'masked': [None, 1]}"


def test_values_of_a_column() -> None:
    values = column_values(pa.array([3, None, -1], pa.int64()))
    assert values.dtype == np.int64
    assert values.mask.tolist() == [False, True, False]
    assert column_values(pa.array([True, None])).tolist() == [1, None]
    assert column_values(pl.Series([1 << 62, None]).to_arrow())[0] == 1 << 62


def test_array_is_narrow_where_every_value_fits() -> None:
    narrow = as_array(
        pa.table({"a": pa.array([1, None], pa.int16()), "b": pa.array([True, None]), "c": pa.array([0.5, NAN], pa.float32())})
    )
    assert narrow.dtype == np.float32
    np.testing.assert_array_equal(narrow, [[1, 1, 0.5], [NAN, NAN, NAN]])
    assert as_array(pa.table({"a": pa.array([1], pa.int32())})).dtype == np.float64


@pytest.mark.parametrize(
    ("values", "kind", "dtype"),
    [([1, 2], pa.int8(), np.int64), ([1, None], pa.int64(), np.float64), ([1], pa.uint64(), np.float64), ([True], pa.bool_(), np.float64)],
)
def test_whole_numbers_stay_so_where_none_is_missing(values: list[int | None], kind: pa.DataType, dtype: type) -> None:
    assert as_array(pa.table({"a": pa.array(values, kind)}), whole_numbers=True).dtype == dtype
    assert as_array(pa.table({"a": pa.array(values, kind)})).dtype == np.float64
    with_floats = pa.table({"a": pa.array(values, kind), "b": pa.array([0.5] * len(values), pa.float32())})
    assert as_array(with_floats, whole_numbers=True).dtype == (np.float32 if kind in (pa.int8(), pa.bool_()) else np.float64)
