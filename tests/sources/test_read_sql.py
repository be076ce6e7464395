"""Queries; those of real servers are beside the sink's tests, which write what these read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

from gpupipe.core.errors import ColumnError, MissingExtraError, SourceError
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


def test_a_query_without_sense_and_a_driver_that_is_missing() -> None:
    with pytest.raises(SourceError, match=r"sqlite:///:memory: could not be read: .*Check the address and the query: SELEC 1"):
        ReadSql("SELEC 1", MEMORY).schema()
    with pytest.raises(MissingExtraError, match=r"needs adbc-driver-nowhere, which is not installed\. Run: pip install 'gpupipe\[sql\]'"):
        ReadSql("SELECT 1", "x:y", driver="adbc_driver_nowhere").schema()
