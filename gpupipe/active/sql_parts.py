"""Where a label store's rows are: tables of a database, through ADBC. To them, too, is only added.

The tables are ``gpupipe_label_scheme``, ``_examples``, ``_answers``, ``_holdout``, ``_rounds`` and ``_questions``. Rows are added in one
transaction each time. Of the scheme and of the rounds, whose keys two writers could want, the first one counts: the other's transaction
fails on the key. Moments are texts in ISO 8601 and lists of words JSON, since not every database has columns of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.active.rows import TIME
from gpupipe.core.errors import GpupipeError, SinkError, SourceError
from gpupipe.core.secret import masked
from gpupipe.core.sql import SQLITE, connect, driver_of, quoted_part, sql_errors

_PREFIX = "gpupipe_label_"
_WORDS = pa.large_list(pa.large_string())
_STORED = {TIME: pa.large_string(), _WORDS: pa.large_string()}
_SQL_TYPES = {pa.large_string(): "TEXT", pa.int64(): "BIGINT", pa.float64(): "DOUBLE PRECISION", pa.large_binary(): "BYTEA"}
_EMPTY = {pa.large_string(): "''", pa.int64(): "0", pa.float64(): "0.5", pa.large_binary(): "x''"}
_ROUND_KEY = pa.schema([("round", pa.int64()), ("part", pa.int64()), ("record", pa.large_string())])


def is_database(place: str) -> bool:
    """Return whether a place is a database rather than a folder.

    Examples
    --------
    >>> [is_database(place) for place in ("postgresql://host/db", "labels.db", "s3://bucket/labels", "labels")]
    [True, True, False, False]
    """
    return place.partition(":")[0] in ("sqlite", "postgresql", "postgres") or place.lower().endswith((".db", ".sqlite", ".sqlite3"))


class SqlParts:
    """Tables of a database; see `gpupipe.active.parts.Parts`.

    Parameters
    ----------
    uri
        ``sqlite:///path``, a path that ends in ``.db`` or ``.sqlite``, or ``postgresql://...``.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.shown = self.identity = masked(uri)
        self.is_sqlite = driver_of(uri, None) == SQLITE

    def settings(self) -> Mapping[str, Any] | None:
        """Return what the table of the scheme says; None where there is none."""
        with self._cursor(SourceError) as cursor:
            if not _has(cursor, self.is_sqlite, "scheme"):
                return None
            cursor.execute(f"SELECT settings FROM {_PREFIX}scheme")  # noqa: S608 - a name of ours
            found = cursor.fetchall()
        return dict(json.loads(found[0][0])) if found else None

    def create(self, settings: Mapping[str, Any], schemas: Mapping[str, pa.Schema]) -> None:
        """Make the tables and keep the settings."""
        made = {name: _stored(schema) for name, schema in schemas.items()}
        statements = [f"CREATE TABLE IF NOT EXISTS {_PREFIX}scheme (id INTEGER PRIMARY KEY, settings TEXT)"]
        statements += [f"CREATE TABLE IF NOT EXISTS {_PREFIX}{name} ({self._columns(schema)})" for name, schema in made.items()]
        key = f"{self._columns(_ROUND_KEY)}, PRIMARY KEY (round, part)"
        statements.append(f"CREATE TABLE IF NOT EXISTS {_PREFIX}rounds ({key})")
        try:
            with self._cursor(SinkError) as cursor:
                for statement in statements:
                    cursor.execute(statement)
                row = pa.table({"id": pa.array([1], pa.int64()), "settings": [json.dumps(settings, ensure_ascii=False)]})
                cursor.adbc_ingest(f"{_PREFIX}scheme", row.cast(self._narrow(row.schema)), mode="append")
        except SinkError:
            if self.settings() is None:  # nobody else was faster
                raise

    def append(self, kind: str, table: pa.Table) -> None:
        """Add rows in one transaction."""
        with self._cursor(SinkError) as cursor:
            cursor.adbc_ingest(f"{_PREFIX}{kind}", _encoded(table), mode="append")

    def read(self, kind: str, schema: pa.Schema) -> pa.Table:
        """Return all rows."""
        with self._cursor(SourceError) as cursor:
            return self._rows(cursor, kind, schema)

    def put_round(self, number: int, part: int, record: Mapping[str, Any], questions: pa.Table) -> None:
        """Add a round and its questions in one transaction."""
        text = json.dumps(record, sort_keys=True, ensure_ascii=False)
        row = pa.table({"round": [number], "part": [part], "record": [text]}, schema=_ROUND_KEY)
        try:
            with self._cursor(SinkError) as cursor:
                cursor.adbc_ingest(f"{_PREFIX}rounds", row, mode="append")
                cursor.adbc_ingest(f"{_PREFIX}questions", _encoded(questions), mode="append")
        except SinkError:
            if not any((found["round"], found["part"]) == (number, part) for found, _ in self.rounds(questions.schema)):
                raise

    def rounds(self, schema: pa.Schema) -> list[tuple[Mapping[str, Any], pa.Table]]:
        """Return the rounds' records and questions."""
        with self._cursor(SourceError) as cursor:
            rounds = self._rows(cursor, "rounds", _ROUND_KEY).sort_by([("round", "ascending"), ("part", "ascending")])
            questions = self._rows(cursor, "questions", schema)
        keys = rounds.select(["round", "part"]).to_pylist()
        of_round = [pc.and_(pc.equal(questions["round"], key["round"]), pc.equal(questions["part"], key["part"])) for key in keys]
        return [(json.loads(record), questions.filter(one)) for record, one in zip(rounds["record"].to_pylist(), of_round, strict=True)]

    def _rows(self, cursor: Any, kind: str, schema: pa.Schema) -> pa.Table:
        """Return a table's rows; SQLite, which goes by the first rows' types, is given one with a value in each column first."""
        stored = _stored(schema)
        columns = ", ".join(quoted_part(name) for name in schema.names)
        query = f"SELECT {columns} FROM {_PREFIX}{kind}"  # noqa: S608 - names of ours
        if self.is_sqlite:
            first = ", ".join(f"{_EMPTY[field.type]} AS {quoted_part(field.name)}" for field in stored)
            query = f"SELECT {first} UNION ALL {query}"
        cursor.execute(query)
        found = cursor.fetch_arrow_table()
        rows = found.slice(1) if self.is_sqlite else found
        return _decoded(rows.cast(stored), schema)

    def _columns(self, schema: pa.Schema) -> str:
        """Return columns as SQL declares them."""
        types = {**_SQL_TYPES, pa.large_binary(): "BLOB"} if self.is_sqlite else _SQL_TYPES
        return ", ".join(f"{quoted_part(field.name)} {types[field.type]}" for field in schema)

    def _narrow(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema of a row of settings, whose key is an INTEGER."""
        return schema if self.is_sqlite else schema.set(0, schema.field(0).with_type(pa.int32()))

    @contextmanager
    def _cursor(self, error: type[GpupipeError]) -> Iterator[Any]:
        """Open a cursor whose work is kept where nothing fails."""
        what = "written" if error is SinkError else "read"
        with (
            sql_errors(error, f"The label store at {self.shown} could not be {what}", "Check the address, the rights and the room."),
            closing(connect(self.uri, None)) as connection,
            closing(connection.cursor()) as cursor,
        ):
            if self.is_sqlite:
                cursor.execute("PRAGMA busy_timeout = 30000")
            yield cursor
            connection.commit()


def _has(cursor: Any, is_sqlite: bool, kind: str) -> bool:
    """Whether the database has a table of ours."""
    catalog = "sqlite_master WHERE type = 'table' AND name" if is_sqlite else "information_schema.tables WHERE table_name"
    cursor.execute(f"SELECT COUNT(*) FROM {catalog} = '{_PREFIX}{kind}'")  # noqa: S608 - a name of ours
    return bool(cursor.fetchall()[0][0])


def _stored(schema: pa.Schema) -> pa.Schema:
    """Return the types that columns have in a database."""
    return pa.schema([(field.name, _STORED.get(field.type, field.type)) for field in schema])


def _encoded(table: pa.Table) -> pa.Table:
    """Return rows in the types that they have in a database."""
    made = [_as_text(table[field.name], field.type) if field.type in _STORED else table[field.name] for field in table.schema]
    return pa.table(dict(zip(table.schema.names, made, strict=True)), schema=_stored(table.schema))


def _as_text(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """Return moments in ISO 8601, or lists as JSON."""
    if kind == TIME:
        return pa.array([None if one is None else one.isoformat() for one in column.to_pylist()], pa.large_string())
    return pa.array([None if one is None else json.dumps(one, ensure_ascii=False) for one in column.to_pylist()], pa.large_string())


def _decoded(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows in the store's types."""
    made = []
    for field in schema:
        column = table[field.name]
        if field.type == _WORDS:
            column = pa.array([None if one is None else json.loads(one) for one in column.to_pylist()], _WORDS)
        made.append(column.cast(field.type) if column.type != field.type else column)
    return pa.table(dict(zip(schema.names, made, strict=True)), schema=schema)
