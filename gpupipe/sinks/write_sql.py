"""Rows into a database's table."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from gpupipe.core.ends import Sink, Writer
from gpupipe.core.errors import SinkError, UsageError
from gpupipe.core.secret import masked
from gpupipe.core.sql import connect, driver_of, quoted, quoted_part, sql_errors, sqlite_path
from gpupipe.core.work import special_kind

Mode = Literal["replace", "append", "fail"]
_SQLITE, _POSTGRES = "adbc_driver_sqlite", "adbc_driver_postgresql"
_WIDER = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0)}


@dataclass(frozen=True)
class WriteSql(Sink):
    """Writes a table of a database through ADBC, in one transaction, and gives ``{"rows", "columns", "table"}``.

    Others see the new rows when all of them have been written, or never.

    Parameters
    ----------
    table
        The table's name; ``schema.table`` where it has a schema.
    uri
        ``sqlite:///path``, a path that ends in ``.db`` or ``.sqlite``, ``postgresql://...``, or what the driver takes.
    mode
        What becomes of a table that is there: it is replaced, gets the rows on top of its own, or is an error.
    driver
        ``"sqlite"``, ``"postgresql"``, or another ADBC driver's module, where the address does not tell.

    Raises
    ------
    MissingExtraError
        The driver is not installed.
    SinkError
        The database cannot be reached, or refuses the rows.

    Examples
    --------
    >>> writer = WriteSql("scores", "sqlite:///:memory:").open(pa.schema([("a", pa.int64())]))
    >>> writer.write(pa.record_batch({"a": [1, 2]}))
    >>> writer.close()
    >>> writer.commit()
    {'rows': 2, 'columns': 1, 'table': 'scores'}
    """

    table: str
    uri: str = field(repr=False)
    mode: Mode = field(default="replace", kw_only=True)
    driver: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.mode not in ("replace", "append", "fail"):
            msg = f"WriteSql expects mode to be 'replace', 'append' or 'fail', got {self.mode!r}."
            raise UsageError(msg)
        if not self.table or self.table.count(".") > 1:
            msg = f"WriteSql expects a table's name, or schema.table, got {self.table!r}."
            raise UsageError(msg)
        driver_of(self.uri, self.driver)

    def target(self) -> str:
        """Return the table, without a password."""
        return f"{masked(self.uri)} table {self.table}"

    def probe(self) -> None:
        """Raise SinkError where the database cannot be reached, or the table is there and must not be."""
        special = special_kind(sqlite_path(self.uri)) if driver_of(self.uri, self.driver) == _SQLITE else None
        if special is not None:
            msg = f"Expected a database's file or nothing at {masked(self.uri)}, got {special}. Write to another path."
            raise SinkError(msg)
        with _refused(self):
            connection = connect(self.uri, self.driver)
        try:
            if self.mode == "fail" and _exists(connection, self.table):
                advice = "Drop it, or pass mode='replace'."
                msg = f"Expected no table {self.table!r} in {masked(self.uri)}, as mode='fail' says, got one. {advice}"
                raise SinkError(msg)
        finally:
            connection.close()

    def open(self, schema: pa.Schema) -> Writer:
        """Return a writer with a transaction of its own."""
        self.probe()
        kind = _SpooledTableWriter if driver_of(self.uri, self.driver) == _SQLITE else _TableWriter
        return kind(self, schema)


class _TableWriter(Writer):
    """Ingests batches; to replace a table, into one of another name first."""

    def __init__(self, sink: WriteSql, schema: pa.Schema) -> None:
        self.sink = sink
        self.driver = driver_of(sink.uri, sink.driver)
        self.schema = pa.schema([(field.name, _type(field.type, widen=self.driver == _POSTGRES)) for field in schema])
        self.n_rows = 0
        self.is_made = False
        self.namespace, _, name = sink.table.rpartition(".")
        self.made = f"{name}_tmp_{secrets.token_hex(6)}" if sink.mode == "replace" else name
        with _refused(sink):
            self.connection = connect(sink.uri, sink.driver)
            self.cursor = self.connection.cursor()

    def write(self, batch: pa.RecordBatch) -> None:
        """Send some rows."""
        self.send(pa.Table.from_batches([batch]).cast(self.schema).to_reader())
        self.n_rows += batch.num_rows

    def send(self, rows: pa.RecordBatchReader) -> None:
        """Send rows in the table's types; the first ones make the table."""
        create = "create" if self.sink.mode == "replace" else "create_append"
        with _refused(self.sink):
            self.cursor.adbc_ingest(self.made, rows, mode="append" if self.is_made else create, db_schema_name=self.namespace or None)
        self.is_made = True

    def close(self) -> None:
        """Make the table where there were no rows."""
        if not self.is_made:
            self.send(self.schema.empty_table().to_reader())

    def commit(self) -> dict[str, Any]:
        """Let others see the rows; return their number, the columns and the table."""
        with _refused(self.sink):
            if self.sink.mode == "replace":
                made = f"{self.namespace}.{self.made}" if self.namespace else self.made
                self.cursor.execute(f"DROP TABLE IF EXISTS {quoted(self.sink.table)}")
                self.cursor.execute(f"ALTER TABLE {quoted(made)} RENAME TO {quoted_part(self.sink.table.rpartition('.')[2])}")
            self.connection.commit()
        self.disconnect()
        return {"rows": self.n_rows, "columns": len(self.schema), "table": self.sink.table}

    def abort(self) -> None:
        """Take everything back; a database that has done so itself, as on a full disk, refuses to do it again."""
        with suppress(SinkError), _refused(self.sink):
            self.connection.rollback()
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connection."""
        self.cursor.close()
        self.connection.close()


class _SpooledTableWriter(_TableWriter):
    """Keeps the rows in a temporary file until they are committed.

    SQLite lets nobody else write during a transaction, and nobody read during a large one; so the transaction begins when all rows
    are there, and two tables of one pipeline can go into one database.
    """

    def __init__(self, sink: WriteSql, schema: pa.Schema) -> None:
        _TableWriter.__init__(self, sink, schema)
        self.file = tempfile.TemporaryFile(prefix="gpupipe-")  # noqa: SIM115 - open until the rows are committed or given up
        self.spool = pa.ipc.new_stream(self.file, self.schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep some rows; the first ones are tried on the database, so that types it does not have are found early."""
        rows = pa.Table.from_batches([batch]).cast(self.schema)
        if not self.n_rows:
            self.send(rows.to_reader())
            self.connection.rollback()
            self.is_made = False
        self.spool.write_table(rows)
        self.n_rows += batch.num_rows

    def close(self) -> None:
        """Finish the temporary file."""
        self.spool.close()

    def commit(self) -> dict[str, Any]:
        """Send all rows, in one transaction."""
        self.file.seek(0)
        with pa.ipc.open_stream(self.file) as rows:
            self.send(pa.RecordBatchReader.from_batches(self.schema, rows))
        return _TableWriter.commit(self)

    def disconnect(self) -> None:
        """Close the connection and let go of the temporary file."""
        _TableWriter.disconnect(self)
        self.file.close()


@contextmanager
def _refused(sink: WriteSql) -> Iterator[None]:
    """Turn the driver's errors into SinkError."""
    advice = "The table is as it was. Check the address, the rights, the room, and that the database has types for the columns' dtypes."
    try:
        with sql_errors(SinkError, f"Table {sink.table!r} could not be written to {masked(sink.uri)}", advice):
            yield
    except SinkError as error:
        error.target = sink.target()
        raise


def _type(kind: pa.DataType, *, widen: bool) -> pa.DataType:
    """Return the type that a database takes in place of one: no dictionaries, and for some no unsigned numbers."""
    if pa.types.is_dictionary(kind):
        return pa.large_string()
    return _WIDER.get(kind, kind) if widen else kind


def _exists(connection: Any, table: str) -> bool:
    """Whether the database has the table."""
    namespace, _, name = table.rpartition(".")
    found = connection.adbc_get_objects(depth="tables", table_name_filter=name, db_schema_filter=namespace or None).read_all()
    schemas = [schema for catalog in found.to_pylist() for schema in catalog["catalog_db_schemas"] or []]
    return any(known["table_name"] == name for schema in schemas for known in schema["db_schema_tables"] or [])
