"""Tables of real databases: SQLite always, PostgreSQL where a server is installed."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pytest

from gpupipe.core.demand import Demand
from gpupipe.core.ends import Reading
from gpupipe.core.errors import GpupipeError, SinkError, SourceError, UsageError
from gpupipe.engines.load import load_engine
from gpupipe.sinks.write_sql import WriteSql
from gpupipe.sources.read_sql import ReadSql

Write = Callable[[Any, Any], Any]
Read = Callable[[Any], pa.Table]
SMALL = pa.table({"a": [1, 2, None], "s": ['x"', None, ""]})


@pytest.fixture(params=["sqlite", "postgres"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/a.db"
    address: str = request.getfixturevalue("postgres")
    return address


def rows(uri: str, table: str, read: Read) -> list[dict[str, Any]]:
    return read(ReadSql(f'SELECT * FROM "{table}"', uri)).sort_by("a").to_pylist()


def test_replace_append_and_fail(uri: str, write: Write, read: Read, engine: str) -> None:
    table = f"modes_{engine}"
    assert write(WriteSql(table, uri), SMALL) == {"rows": 3, "columns": 2, "table": table}
    assert rows(uri, table, read) == SMALL.sort_by("a").to_pylist()
    write(WriteSql(table, uri, mode="append"), SMALL.slice(0, 1))
    assert [row["a"] for row in rows(uri, table, read)] == [1, 1, 2, None]
    write(WriteSql(table, uri), pa.table({"a": ["other"]}))
    assert rows(uri, table, read) == [{"a": "other"}]
    with pytest.raises(SinkError, match=rf"Expected no table '{table}' in .*, as mode='fail' says, got one"):
        write(WriteSql(table, uri, mode="fail"), SMALL)
    write(WriteSql(f"{table}_new", uri, mode="fail"), SMALL.slice(0, 0))
    assert rows(uri, f"{table}_new", read) == []


def test_many_batches_are_one_transaction(uri: str, write: Write, read: Read, engine: str) -> None:
    table = f"many_{engine}"
    write(WriteSql(table, uri), SMALL)
    many = pa.table({"a": np.arange(30_000)})
    writer = WriteSql(table, uri).open(many.schema)
    for batch in many.to_batches(10_000):
        writer.write(batch)
    writer.close()
    assert len(rows(uri, table, read)) == 3
    writer.abort()
    assert len(rows(uri, table, read)) == 3
    assert write(WriteSql(table, uri), many)["rows"] == 30_000
    assert read(ReadSql(f"SELECT count(*) AS n, sum(a) AS a FROM {table}", uri, schema={"n": nw.Int64})).to_pydict() == {"n": [30_000]}
    other = f"{table}_other"
    writers = [WriteSql(name, uri).open(many.schema) for name in (table, other)]
    for batch in many.to_batches(10_000):
        for writer in writers:
            writer.write(batch)
    for writer in writers:
        writer.close()
    assert [writer.commit()["rows"] for writer in writers] == [30_000, 30_000]
    leftovers = "SELECT name FROM sqlite_master" if "sqlite" in uri else "SELECT tablename AS name FROM pg_tables"
    assert not [name for name in read(ReadSql(leftovers, uri))["name"].to_pylist() if "_tmp_" in name]


def test_a_failed_write_leaves_the_old_table(uri: str, write: Write, read: Read, engine: str) -> None:
    table = f"kept_{engine}"
    write(WriteSql(table, uri), SMALL)
    with pytest.raises(SinkError, match=rf"Table '{table}' could not be written to .*The table is as it was\. Check the address"):
        write(WriteSql(table, uri, mode="append"), pa.table({"nowhere": [1]}))
    nested = pa.table({"a": pa.array([{"x": 1}])})
    with pytest.raises(SinkError, match="could not be written"):
        write(WriteSql(table, uri), nested)
    assert len(rows(uri, table, read)) == 3


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_full_disk_is_named(mode: Any, small_disk: Path, write: Write, read: Read) -> None:
    uri = f"sqlite:///{small_disk}/a.db"
    write(WriteSql("t", uri), SMALL)
    with pytest.raises(
        SinkError, match=r"Table 't' could not be written to .*database or disk is full.* Check the address, the rights, the room"
    ):
        write(WriteSql("t", uri, mode=mode), pa.table({"a": np.arange(150_000), "s": ["x"] * 150_000}))
    gc.collect()
    assert rows(uri, "t", read) == SMALL.sort_by("a").to_pylist()


def test_only_the_columns_needed_are_asked_for(uri: str, write: Write, engine: str) -> None:
    write(WriteSql(f"wide_{engine}", uri), SMALL)
    source = ReadSql(f"SELECT * FROM wide_{engine};", uri)
    found = next(iter(source.batches(Reading(("s",)))))
    assert found.schema.names == ["s"]
    running = load_engine(engine)
    data = running.read(source, Reading(("s",)), source.schema())
    assert sorted(running.compute([Demand("arrow", data)])[0]["s"].to_pylist(), key=str) == ["", None, 'x"']
    running.close()


def test_a_wrong_query_is_shown(uri: str, write: Write) -> None:
    write(WriteSql("t", uri), SMALL)
    with pytest.raises(SourceError, match=r"could not be read: .*nothing.* Check the address and the query: SELECT x FROM nothing"):
        ReadSql("SELECT x FROM nothing", uri).schema()


def test_postgres_keeps_every_dtype_it_has(postgres: str, every_dtype: pa.Table, write: Write, read: Read, engine: str) -> None:
    names = ["i16", "i32", "i64", "f32", "f64", "bool", "text", "date", "us", "bytes"]
    table = every_dtype.select(names)
    write(WriteSql(f"every_{engine}", postgres), table)
    found = read(ReadSql(f"SELECT * FROM every_{engine}", postgres, nan_as_null=False))
    assert [str(kind) for kind in found.schema.types] == [str(kind) for kind in table.schema.types]
    assert [repr(row) for row in found.to_pylist()] == [repr(row) for row in table.to_pylist()]
    others = every_dtype.select(["i8", "u8", "u16", "u32", "tz", "time", "decimal"])
    write(WriteSql(f"other_{engine}", postgres), others)
    found = read(ReadSql(f"SELECT * FROM other_{engine}", postgres, schema={"i8": nw.Int8, "u32": nw.UInt32, "decimal": nw.Decimal(12, 2)}))
    assert found.to_pydict() == others.select(["i8", "u32", "decimal"]).to_pydict()


def test_postgres_schemas_and_passwords(postgres: str, write: Write, read: Read, engine: str) -> None:
    write(WriteSql(f"public.named_{engine}", postgres), SMALL)
    write(WriteSql(f"public.named_{engine}", postgres), SMALL)
    assert len(rows(postgres, f"named_{engine}", read)) == 3
    source = ReadSql("SELECT 1 AS a", postgres)
    assert "secret" not in repr(source) + source.origin() + str(WriteSql("t", postgres)) + str(WriteSql("t", postgres).target())
    with pytest.raises(SinkError) as caught:
        WriteSql("t", postgres.replace("/postgres", "/nothing", 1).replace("@127.0.0.1:", "@127.0.0.1:1")).probe()
    assert "secret" not in str(caught.value)


def test_sqlite_types_are_those_of_the_first_rows(tmp_path: Path, read: Read) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (d TEXT, f, n)")
        connection.executemany("INSERT INTO t VALUES (?, ?, NULL)", [("2020-01-02", 1.5), (None, 2.5)])
    connection.close()
    assert read(ReadSql("SELECT * FROM t", f"{tmp_path}/a.db")).to_pydict() == {
        "d": ["2020-01-02", None],
        "f": [1.5, 2.5],
        "n": [None, None],
    }
    found = read(ReadSql("SELECT * FROM t", f"{tmp_path}/a.db", schema={"d": nw.Date}))
    assert found.to_pydict() == {"d": [date(2020, 1, 2), None]}


def test_a_fifo_or_a_device_is_no_database(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.db")
    for path, kind in ((tmp_path / "pipe.db", "a FIFO"), ("/dev/zero", "a device")):
        with pytest.raises(SinkError, match=f"Expected a database's file or nothing at .*, got {kind}"):
            WriteSql("t", f"sqlite:///{path}").probe()


def test_a_place_that_cannot_be_reached_is_found_first(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"Table 't' could not be written to 'sqlite:.*|Table 't' could not be written to sqlite:"):
        WriteSql("t", f"sqlite:///{tmp_path}/no/folder/a.db").probe()
    for wrong in ({"mode": "merge"}, {"table": ""}, {"table": "a.b.c"}):
        with pytest.raises(UsageError, match="WriteSql expects"):
            WriteSql(**({"table": "t", "uri": "sqlite:///a.db"} | wrong))  # type: ignore[arg-type]
    with pytest.raises(GpupipeError):
        WriteSql("t", "a.txt")
