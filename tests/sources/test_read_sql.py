"""Queries; those of real servers are beside the sink's tests, which write what these read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

from gpupipe.core.errors import ColumnError, MissingExtraError, SourceError, UsageError
from gpupipe.core.schema import Field
from gpupipe.sources.read_sql import ReadSql

Read = Callable[..., pa.Table]
MEMORY = "sqlite:///:memory:"
QUERY = "WITH t(a, b) AS (VALUES (1, 'x'), (2, NULL)) SELECT * FROM t"


def test_any_select_is_a_table(read: Read) -> None:
    source = ReadSql(f"{QUERY};\n", MEMORY)
    assert source.schema().dtypes == {"a": nw.Int64(), "b": nw.String()}
    assert read(source).to_pydict() == {"a": [1, 2], "b": ["x", None]}
    assert read(ReadSql(f"{QUERY} WHERE a > 5", MEMORY, schema={"b": nw.String})).to_pydict() == {"b": []}


@pytest.mark.parametrize("form", ["sqlite:///{}", "sqlite:{}", "{}"])
def test_a_database_that_is_not_there_is_not_made(form: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "loans.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    assert list(ReadSql("SELECT * FROM t", form.format(f"{tmp_path}/loans.db")).schema()) == ["a"]
    message = (
        r"Expected a SQLite database at '.*/loan\.db', got nothing there; the folder '.*' holds 'loans\.db'\. Did you mean 'loans\.db'\?"
    )
    with pytest.raises(SourceError, match=message):
        ReadSql("SELECT 1 AS a", form.format(f"{tmp_path}/loan.db")).schema()
    with pytest.raises(SourceError, match=r"got nothing there; the folder '.*' holds 'loans\.db'\. Check the path"):
        ReadSql("SELECT 1 AS a", form.format(f"{tmp_path}/none/x.db")).schema()
    assert [path.name for path in tmp_path.iterdir()] == ["loans.db"]


def test_declared_columns_are_there_and_not_null(read: Read) -> None:
    with pytest.raises(ColumnError, match="there is no column 'c'"):
        ReadSql(QUERY, MEMORY, schema={"c": nw.Int8}).schema()
    with pytest.raises(SourceError, match="column 'b': expected no missing value, as declared, got 1"):
        read(ReadSql(QUERY, MEMORY, schema={"b": Field(nw.String(), nullable=False)}))


COLUMNS = {"t": "text", "v": "varchar(9)", "i": "bigint", "r": "real", "d": "date", "o": "bool", "n": "decimal(9, 2)", "b": "blob", "x": ""}
LAST = {"t": "x", "v": "07", "i": 7, "r": 7, "d": "2020-02-29", "o": 1, "n": 1.25, "b": b"\xff", "x": 3}


@pytest.fixture
def late(tmp_path: Path) -> str:
    """Return a database whose tables have nothing but nulls in 1500 rows, or no rows at all."""
    with closing(sqlite3.connect(tmp_path / "late.db")) as connection, connection:
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        for table in ("late", "none"):
            connection.execute(f"CREATE TABLE {table} ({columns})")
        connection.executemany(f"INSERT INTO late VALUES ({', '.join('?' * 9)})", [(None,) * 9] * 1500 + [tuple(LAST.values())])
    return f"{tmp_path}/late.db"


def test_columns_that_begin_with_nulls_are_what_their_table_declares(late: str, read: Read) -> None:
    dtypes = (
        "String",
        "String",
        "Int64",
        "Float64",
        "String",
        "Int64",
        "Float64",
        "Binary",
        "Binary",
    )  # as SQLite says of a column without a type
    wanted = dict(zip(COLUMNS, dtypes, strict=True))
    for table in ("late", "none"):
        found = ReadSql(f"SELECT * FROM {table} -- all of them", late).schema().dtypes
        assert {name: str(dtype) for name, dtype in found.items()} == wanted
    rows = read(ReadSql("SELECT * FROM late /* all */ ; ", late), [name for name in COLUMNS if name not in "bx"])  # which no device holds
    assert rows.num_rows == 1501
    assert {name: rows[name][-1].as_py() for name in rows.column_names} == {name: value for name, value in LAST.items() if name not in "bx"}
    assert read(ReadSql("SELECT t FROM none", late)).to_pydict() == {"t": []}


def test_a_declared_dtype_is_what_sqlite_hands_over(late: str, read: Read) -> None:
    assert read(ReadSql("SELECT x FROM late", late, schema={"x": nw.Int8}))["x"][-1].as_py() == 3
    schema = {"t": nw.String, "x": nw.String, "i": nw.Float64, "n": nw.Decimal(9, 2), "d": nw.Date, "o": nw.Boolean, "v": nw.Int8}
    found = read(ReadSql("SELECT * FROM late", late, schema=schema))
    last = {name: found[name][-1].as_py() for name in schema}
    assert last == {"t": "x", "x": "3", "i": 7.0, "n": Decimal("1.25"), "d": date(2020, 2, 29), "o": True, "v": 7}
    assert found.slice(0, 1500).to_pylist() == [dict.fromkeys(schema)] * 1500


def test_a_later_value_of_another_type_is_named(tmp_path: Path, read: Read) -> None:
    path = f"{tmp_path}/a.db"
    for value, told, instead in (("x", "got STRING/BINARY in", nw.String), (1.5, "got DOUBLE in", nw.Float64)):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DROP TABLE IF EXISTS t")
            connection.execute("CREATE TABLE t (a, b)")
            connection.executemany("INSERT INTO t VALUES (?, ?)", [*((n, n) for n in range(1500)), (1, value)])
        with pytest.raises(
            SourceError, match=rf"column 'b': expected INT64, as the first rows have, {told} a later one\. Declare {instead()}"
        ):
            read(ReadSql("SELECT a, b FROM t", path))
        found = read(ReadSql("SELECT a, b FROM t", path, schema={"b": instead}))["b"].to_pylist()
        assert found == [*(str(n) if value == "x" else n for n in range(1500)), value]


def test_a_query_is_one_statement(read: Read) -> None:
    for query in ("SELECT ';)--' AS a -- x; y", "SELECT ';)--' AS a;;\n/* ; */ -- z", "SELECT ';)--' AS a /* ( */"):
        assert read(ReadSql(query, MEMORY)).to_pydict() == {"a": [";)--"]}
    for query, told in {
        "SELECT 1 AS a; DROP TABLE t": "got more after it: 'DROP TABLE t'. Run the others by themselves",
        "SELECT 1 AS a; -- x\n SELECT 2": "got more after it: 'SELECT 2'",
        "SELECT 1 AS a) AS q; DELETE FROM t --": "got ')' at character 14: ",
        "SELECT 1 AS a /* b": "got a comment that does not end: ",
        "SELECT 1 AS a\0 rubbish": "got '\\x00' at character 14: ",
    }.items():
        with pytest.raises(UsageError) as caught:
            ReadSql(query, MEMORY)
        assert f"Expected one SELECT statement, {told}" in str(caught.value)


def test_a_query_without_sense_and_a_driver_that_is_missing() -> None:
    with pytest.raises(SourceError, match=r"sqlite:///:memory: could not be read: .*Check the address and the query: SELEC 1"):
        ReadSql("SELEC 1", MEMORY).schema()
    with pytest.raises(MissingExtraError, match=r"needs adbc-driver-nowhere, which is not installed\. Install that driver of ADBC"):
        ReadSql("SELECT 1", "x:y", driver="adbc_driver_nowhere").schema()
