"""Arrow objects in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from gpupipe.core.errors import ColumnError, DtypeError, SourceError, UsageError
from gpupipe.sources.from_arrow import FromArrow

Read = Callable[..., pa.Table]
TABLE = pa.table({"a": [1, 2], "b": ["x", None], "f": [math.nan, 1.0]})


class Stream:
    """An object of another library."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return TABLE.__arrow_c_stream__(requested_schema)


@pytest.mark.once_on_clusters
@pytest.mark.parametrize("make", [lambda: TABLE, lambda: TABLE.to_batches()[0], TABLE.to_reader, Stream, lambda: pl.from_arrow(TABLE)])
def test_every_kind_of_object_is_the_same_rows_as_often_as_asked(make: Callable[[], Any], read: Read) -> None:
    source = FromArrow(make())
    assert source.schema().as_json() == [["a", "Int64", False], ["b", "String", True], ["f", "Float64", True]]
    assert read(source).to_pydict() == {"a": [1, 2], "b": ["x", None], "f": [None, 1.0]}
    assert read(source, ["b"]).to_pydict() == {"b": ["x", None]}
    assert source.known_rows() == 2


def test_nan_may_stay(read: Read) -> None:
    assert math.isnan(read(FromArrow(TABLE, nan_as_null=False))["f"][0].as_py())


def test_types_without_a_dtype_of_their_own_are_read_as_others(read: Read, held: Callable[[pa.Table], pa.Table]) -> None:
    table = held(
        pa.table(
            {
                "dictionary": pa.array(["x", None]).dictionary_encode(),
                "view": pa.array(["x", None], pa.string_view()),
                "half": pa.array([0.5, None], pa.float16()),
                "null": pa.nulls(2),
                "seconds": pa.array([1, None], pa.timestamp("s")),
                "list": pa.array([[0.5], None], pa.list_(pa.float32())),
                "fixed": pa.array([b"ab", None], pa.binary(2)),
                "date64": pa.array([86_400_000, None], pa.date64()),
            }
        )
    )
    found = read(FromArrow(table))
    assert found.to_pylist()[1] == dict.fromkeys(table.column_names)
    read_as = {
        "dictionary": "large_string",
        "view": "large_string",
        "half": "float",
        "null": "large_string",
        "seconds": "timestamp[ms]",
        "list": "large_list<item: float>",
        "fixed": "large_binary",
        "date64": "date32[day]",
    }
    assert {field.name: str(field.type) for field in found.schema} == {name: read_as[name] for name in table.column_names}


def test_no_rows_and_double_names(read: Read) -> None:
    assert read(FromArrow(TABLE.slice(0, 0))).num_rows == 0
    with pytest.raises(ColumnError, match="Expected every column once, got 'a' more than once"):
        FromArrow(pa.table([[1], [2]], names=["a", "a"])).schema()
    with pytest.raises(DtypeError, match=r"Column 'd': .*got decimal256\(50, 2\)"):
        FromArrow(pa.table({"d": pa.array([None], pa.decimal256(50, 2))})).schema()


def test_what_is_no_arrow_object_is_refused() -> None:
    with pytest.raises(UsageError, match=r"FromArrow expects a pyarrow Table.*got list\. Use FromFrame"):
        FromArrow([1, 2])


def test_a_spent_or_failing_stream_is_refused() -> None:
    reader = TABLE.to_reader()
    assert FromArrow(reader).known_rows() == 2
    with pytest.raises(SourceError, match="Expected a fresh RecordBatchReader, got one that another FromArrow has read"):
        FromArrow(reader)

    def broken() -> Iterator[pa.RecordBatch]:
        yield TABLE.to_batches()[0]
        msg = "the line is dead"
        raise ValueError(msg)

    with pytest.raises(SourceError, match="The Arrow stream of RecordBatchReader could not be read: the line is dead. A stream"):
        FromArrow(pa.RecordBatchReader.from_batches(TABLE.schema, broken()))


def test_many_columns_take_time_in_proportion() -> None:
    def seconds(n_columns: int) -> float:
        source = FromArrow(pa.table([pa.array([1.5])] * n_columns, names=[f"c{number}" for number in range(n_columns)]))
        started = time.process_time()
        assert len(source.schema()) == n_columns
        return time.process_time() - started

    seconds(1000)
    assert seconds(40_000) < 400 * max(seconds(1000), 0.001)  # where each column looked at all others, it was 1600 times
