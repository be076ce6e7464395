"""Delimited text outputs, the same from every engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pytest

from gpupipe.core.errors import DtypeError, SinkError, UsageError
from gpupipe.sinks.write_csv import WriteCsv
from gpupipe.sources.from_arrow import FromArrow
from gpupipe.sources.read_csv import ReadCsv

Write = Callable[[Any, Any], Any]
Read = Callable[[Any], pa.Table]


@pytest.mark.once_on_clusters
@pytest.mark.parametrize("place", ["out.csv", "out", "out.txt", "memory://csv-out/a.csv"])
def test_every_dtype_that_text_has_comes_back(
    place: str, tmp_path: Path, every_dtype: pa.Table, write: Write, read: Read, same: Any
) -> None:
    table = every_dtype.select([name for name in every_dtype.column_names if name not in {"duration", "bytes", "list", "struct"}])
    path = place if "://" in place else f"{tmp_path}/{place}"
    value = write(WriteCsv(path, separator="|", null_value="NA"), table)
    assert value["rows"] == 4 and value["columns"] == table.num_columns
    schema = {name: field.dtype for name, field in FromArrow(table).schema().items()}
    found = read(ReadCsv(path, separator="|", schema=schema, null_values="NA", nan_as_null=False))
    same(found, table)


def test_the_text_is_plain(tmp_path: Path, write: Write) -> None:
    table = pa.table(
        {
            "id": [1, None],
            "a,b": ['say "x"', ""],
            "f": [1.0, 0.1],
            "t": pa.array([0, 1_500_000], pa.timestamp("us")),
            "b": [True, None],
        }
    )
    write(WriteCsv(tmp_path / "a.csv"), table)
    assert (tmp_path / "a.csv").read_text() == (
        'id,"a,b",f,t,b\n1,"say ""x""",1,1970-01-01T00:00:00.000000,true\n,"",0.1,1970-01-01T00:00:01.500000,\n'
    )
    write(WriteCsv(tmp_path / "a.csv", header=False, separator="\t", null_value="NULL"), table.select(["id", "b"]))
    assert (tmp_path / "a.csv").read_text() == "1\ttrue\nNULL\tNULL\n"


def test_a_missing_value_of_text_is_not_taken_for_a_quoted_one(tmp_path: Path, write: Write) -> None:
    write(WriteCsv(tmp_path / "a.csv", null_value="-"), pa.table({"a": ["-", None, "x"]}))
    assert (tmp_path / "a.csv").read_text() == 'a\n"-"\n-\nx\n'


def test_many_batches_and_none(tmp_path: Path, write: Write) -> None:
    table = pa.table({"a": np.arange(400_000), "s": np.arange(400_000).astype(str)})
    assert write(WriteCsv(tmp_path / "a.csv"), table)["rows"] == 400_000
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert len(lines) == 400_001 and lines[-1] == "399999,399999"
    write(WriteCsv(tmp_path / "a.csv"), table.slice(0, 0))
    assert (tmp_path / "a.csv").read_text() == "a,s\n"


def test_dtypes_without_an_agreed_text_are_refused(every_dtype: pa.Table) -> None:
    for name, dtype in (("list", "List"), ("struct", "Struct"), ("bytes", "Binary"), ("duration", "Duration")):
        table = every_dtype.select([name])
        with pytest.raises(DtypeError, match=rf"WriteCsv has no text for {dtype}.* in column '{name}'\. Cast or drop it"):
            WriteCsv("a.csv").check(FromArrow(table).schema())
        with pytest.raises(DtypeError):
            WriteCsv("a.csv").open(table.schema)


def test_a_separator_is_one_character() -> None:
    for separator in ("||", "", "\n", '"', "é"):
        with pytest.raises(UsageError, match="separator expected one ASCII character"):
            WriteCsv("a.csv", separator=separator)


def test_a_full_disk_is_named(small_disk: Path, write: Write) -> None:
    with pytest.raises(SinkError, match=r"a\.csv could not be written: the disk is full"):
        write(WriteCsv(small_disk / "a.csv"), pa.table({"a": np.arange(1_000_000)}))
    assert not list(small_disk.iterdir())


def test_inferred_dtypes_come_back(tmp_path: Path, write: Write, read: Read) -> None:
    table = pa.table({"i": [1, 2], "f": [1.5, None], "s": ["x", "y"], "b": [True, False]})
    write(WriteCsv(tmp_path / "a.csv"), table)
    assert ReadCsv(tmp_path / "a.csv").schema().dtypes == {"i": nw.Int64(), "f": nw.Float64(), "s": nw.String(), "b": nw.Boolean()}
    assert read(ReadCsv(tmp_path / "a.csv")).to_pydict() == table.to_pydict()


def test_a_missing_value_of_one_column_is_no_blank_line(tmp_path: Path, write: Write, read: Read) -> None:
    table = pa.table({"s": ["a", None, "b", None]})
    write(WriteCsv(tmp_path / "a.csv"), table)
    assert (tmp_path / "a.csv").read_text() == 's\na\n""\nb\n""\n'
    assert read(ReadCsv(tmp_path / "a.csv", schema={"s": nw.String})).to_pydict() == {"s": ["a", None, "b", None]}
    write(WriteCsv(tmp_path / "n.csv"), pa.table({"n": [None, 1]}))
    assert read(ReadCsv(tmp_path / "n.csv")).to_pydict() == {"n": [None, 1]}


def test_a_batch_wider_than_long_is_written_as_a_long_one(every_dtype: pa.Table, tmp_path: Path) -> None:
    refused = (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_duration, pa.types.is_fixed_size_binary)
    kept = [field.name for field in every_dtype.schema if not any(is_one(field.type) for is_one in refused)]
    columns = {f"{name}_{copy}": every_dtype[name].slice(0, 2) for name in kept for copy in range(3)}
    columns |= {"d1": pa.array(["x", None]).dictionary_encode(), "d2": pa.array(['q"', "y,"]).dictionary_encode()}
    wide = pa.table(columns).combine_chunks()
    assert wide.num_columns > 2 == wide.num_rows
    texts = []
    for number, given in enumerate((wide, pa.concat_tables([wide] * 40).combine_chunks())):
        writer = WriteCsv(tmp_path / f"{number}.csv", header=False).open(given.schema)
        for batch in given.to_batches():
            writer.write(batch)
        writer.close()
        writer.commit()
        texts.append((tmp_path / f"{number}.csv").read_text())
    assert texts[0] * 40 == texts[1] and 'q""' in texts[0]
