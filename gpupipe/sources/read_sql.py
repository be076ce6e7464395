"""Rows that a database's query returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.arrow import plain_table, schema_of
from gpupipe.core.ends import Reading, Source
from gpupipe.core.errors import PlanError, SourceError
from gpupipe.core.files import check_there
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema, as_schema
from gpupipe.core.secret import masked
from gpupipe.core.sql import SQLITE, connect, driver_of, one_statement, quoted_part, sql_errors, sqlite_path
from gpupipe.sources._agree import check_declared, require_columns
from gpupipe.sources.sqlite_types import (
    SAMPLE_ROWS,
    declared_types,
    dtype_of_type,
    stored_dtype,
    type_errors,
    typed_query,
    without_first_row,
)


@dataclass(frozen=True, init=False)
class ReadSql(Source):
    """The rows that a query returns, through ADBC; the database is asked only for the columns that are needed.

    SQLite's columns have no types, so theirs are those of the first 1024 rows or, where those are all null, what the table declares of
    one; of an expression that is null there, Int64. A later value of another type is an error, unless a dtype that holds both is declared.

    Parameters
    ----------
    query
        One SELECT statement.
    uri
        ``sqlite:///path``, a path that ends in ``.db`` or ``.sqlite``, ``postgresql://...``, or what the driver takes.
    driver
        ``"sqlite"``, ``"postgresql"``, or another ADBC driver's module, where the address does not tell.
    schema
        The columns to read and their dtypes; by default the query's.
    nan_as_null
        Whether NaN is missing.

    Raises
    ------
    MissingExtraError
        The driver is not installed.
    SourceError
        The database cannot be reached, or refuses the query; there is no such file.

    Examples
    --------
    >>> ReadSql("SELECT 1 AS one, 'x' AS two", "sqlite:///:memory:").schema().dtypes
    {'one': Int64, 'two': String}
    """

    query: str
    uri: str = field(repr=False)
    driver: str | None
    declared: Schema | None
    nan_as_null: bool

    def __init__(
        self, query: str, uri: str, *, driver: str | None = None, schema: Mapping[str, Any] | None = None, nan_as_null: bool = True
    ) -> None:
        driver_of(uri, driver)
        settle(
            self,
            query=one_statement(query),
            uri=uri,
            driver=driver,
            declared=None if schema is None else as_schema(schema),
            nan_as_null=nan_as_null,
        )

    def origin(self) -> str:
        """Return the database, without a password, and the query."""
        query = " ".join(self.query.split())
        return f"{masked(self.uri)}: {query if len(query) <= 80 else query[:77] + '...'}"

    def schema(self) -> Schema:
        """Return the columns declared, or those of the query."""
        found = _query_schema(self)
        if self.declared is None:
            return found
        require_columns(self.declared, list(found), self.origin())
        if driver_of(self.uri, self.driver) == SQLITE:
            found = Schema(tuple((name, Field(stored_dtype(found[name].dtype, self.declared[name].dtype))) for name in self.declared))
        check_declared(self.declared, found, self.origin())
        return self.declared

    def declared_not_null(self) -> frozenset[str]:
        """Return the columns declared not null."""
        return frozenset() if self.declared is None else self.declared.not_null

    def batches(self, reading: Reading) -> pa.RecordBatchReader:
        """Return the rows as the database sends them."""
        columns = ", ".join(quoted_part(name) for name in reading.columns)
        query = f"SELECT {columns} FROM ({self.query}\n) AS q"  # noqa: S608 - the query is the user's own
        if driver_of(self.uri, self.driver) == SQLITE:
            streamed = without_first_row(self._stream(typed_query(self.query, self._stored(reading.columns)), reading.columns))
        else:
            streamed = self._stream(query)
        first = next(streamed)
        return pa.RecordBatchReader.from_batches(first.schema, _chained(first, streamed))

    def _stored(self, names: Sequence[str]) -> dict[str, DType]:
        """Return as what SQLite is to hand over some columns."""
        found = _query_schema(self)
        declared = found if self.declared is None else self.declared
        return {name: stored_dtype(found[name].dtype, declared[name].dtype) for name in names}

    @contextmanager
    def _cursor(self, names: Sequence[str] = ()) -> Iterator[Any]:
        """Open a cursor, whose errors are about this query; `names` are the columns that it is asked for."""
        if driver_of(self.uri, self.driver) == SQLITE:
            _check_file(self.uri)
        with (
            sql_errors(SourceError, f"{masked(self.uri)} could not be read", f"Check the address and the query: {self.query}"),
            type_errors(self.origin(), names),
            closing(connect(self.uri, self.driver)) as connection,
            closing(connection.cursor()) as cursor,
        ):
            yield cursor

    def _stream(self, query: str, names: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
        """Yield a query's batches in plain types: always one, which may be of no rows."""
        with self._cursor(names) as cursor:
            cursor.execute(query)
            reader = cursor.fetch_record_batch()
            n_batches = 0
            for batch in reader:
                n_batches += 1
                yield _plain(pa.Table.from_batches([batch]))
            if not n_batches:
                yield _plain(reader.schema.empty_table())


def _check_file(uri: str) -> None:
    """Raise SourceError where SQLite, which makes the file that it does not find, is to read one that is not there."""
    path = sqlite_path(uri)
    if path and not path.startswith((":memory:", "file:")):
        check_there(path, "a SQLite database")


def _query_schema(source: ReadSql) -> Schema:
    """Return the columns of a source's query as the database has them now."""
    is_sqlite = driver_of(source.uri, source.driver) == SQLITE
    limit = SAMPLE_ROWS if is_sqlite else 0
    sample = list(source._stream(f"SELECT * FROM ({source.query}\n) AS q LIMIT {limit}"))  # noqa: S608 - as above
    try:
        found = schema_of(sample[0].schema)
        missing = [name for name in found if is_sqlite and not any(batch[name].null_count < len(batch) for batch in sample)]
        if not missing:
            return found
        with source._cursor() as cursor:
            declared = declared_types(cursor, source.query)
        told = {name: Field(dtype_of_type(declared.get(name, ""))) for name in missing}
        return Schema(tuple((name, told.get(name, field)) for name, field in found.items()))
    except PlanError as error:
        msg = f"{source.origin()}: {error}"
        raise SourceError(msg) from error


def _plain(table: pa.Table) -> pa.RecordBatch:
    """Return rows as one batch in plain types."""
    plain = plain_table(table).combine_chunks().to_batches()
    return plain[0] if plain else pa.RecordBatch.from_pylist([], plain_table(table).schema)


def _chained(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the first batch and the others, in the first one's types."""
    yield first
    for batch in rest:
        yield batch.cast(first.schema) if batch.schema != first.schema else batch
