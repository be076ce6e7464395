"""Sources and sinks: where rows come from and where they go.

A source says where its rows are and what columns they have; engines read it. A sink opens a writer: rows go to a temporary name, and
only `commit` puts them in place, so that a run that fails leaves the old output as it was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

from gpupipe.core.errors import SinkError, SourceError, WiringError
from gpupipe.core.node import Node, Table, Value
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Stage

if TYPE_CHECKING:
    import pyarrow as pa

    from gpupipe.core.files import Folder


FIRST_ROWS, FIRST_COLUMNS = 10_000, 50  # the most that a report looks at of a table


class SourceWarning(UserWarning):
    """An input can be read, but perhaps not as it was meant."""


@dataclass(frozen=True)
class FileScan:
    """Files of one format, as an engine's own reader takes them.

    Parameters
    ----------
    paths
        Paths, or for text the bytes themselves.
    options
        What the format needs beyond the paths; the source that makes the scan says which keys.
    rows
        The first row and the number of rows to read, where it is not all of them.
    """

    format: Literal["parquet", "csv", "ndjson", "ipc"]
    paths: tuple[str | bytes, ...]
    schema: Schema
    options: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[int, int] | None = None


@dataclass(frozen=True)
class Piece:
    """A part of a source that is read by itself: a file, or a part of one.

    Parameters
    ----------
    file
        The file's position among the source's.
    n_rows
        How many rows it has, as far as can be told without reading it.
    start, stop
        Where it begins and ends in the file, in rows or in bytes as the format has it; None for the whole file.
    """

    file: int
    n_rows: int
    start: int | None = None
    stop: int | None = None


@dataclass(frozen=True)
class Reading:
    """What a source is read for: the columns, and the rows, that the pipeline needs.

    Parameters
    ----------
    columns
        The columns to read, in the source's order.
    predicate
        A Polars expression that keeps every row the pipeline needs, or None for all rows.
    """

    columns: tuple[str, ...]
    predicate: Any = None


class Source(Stage):
    """Starts a pipeline: rows from outside."""

    kind: ClassVar[str] = "source"
    takes: ClassVar[tuple[type[Node], ...]] = ()

    def node(self) -> Table:
        """Return the table of this source's rows."""
        return cast(Table, self.wire(()))

    @abstractmethod
    def schema(self) -> Schema:
        """Return the columns, from a declaration or from the file's own metadata; no rows are read."""

    def scan(self, scratch: Folder) -> FileScan | None:
        """Return the local files behind the source where there are some, checked and ready for an engine's own reader.

        Parameters
        ----------
        scratch
            A folder of the run's own for what must be downloaded, decompressed or cleaned first.
        """
        return None

    def unchecked(self, piece: Piece | None) -> FileScan | None:
        """Return all local text files, or one part, for a reader that refuses what is wrong with them and leaves it to be told by `scan`.

        None where the text must be decompressed, cleaned or cut first.
        """
        return None

    def located(self) -> Self:
        """Return the source as other processes read it, wherever they stand: with its files found, by their whole paths.

        What is found now is what is read, also where a file comes into the folder while a run goes on.
        """
        return self

    def n_files(self) -> int:
        """Return how many files are behind the source; 0 where it is read as a whole."""
        return 0

    def pieces(self, file: int, n_rows: int) -> Sequence[Piece]:
        """Return the parts of one file, in order, each of about `n_rows` rows or fewer where the format can be cut."""
        raise NotImplementedError

    def scan_piece(self, piece: Piece, scratch: Folder) -> FileScan:
        """Return one part, checked and ready for an engine's own reader; see `scan`."""
        raise NotImplementedError

    def explain(self, error: Exception) -> SourceError | None:
        """Return a better account of a reader's error, with the file, the row and its content, where the source can find one."""
        return None

    def batches(self, reading: Reading) -> pa.RecordBatchReader:
        """Return the rows as Arrow batches; a source without a scan has this instead."""
        raise NotImplementedError

    def whole_keys(self) -> tuple[str, ...]:
        """Return the columns of a key whose rows all stand in one file, where the source declares one; readers check it."""
        return ()

    def known_rows(self) -> int | None:
        """Return how many rows there are, where metadata or an inspection has told; None where nobody has counted."""
        return None

    def takes_nan_as_null(self) -> bool:
        """Whether NaN that it holds is read as missing."""
        return bool(vars(self).get("nan_as_null", False))

    def declared_not_null(self) -> frozenset[str]:
        """Return the columns that are declared to hold no missing value, which engines check as they read."""
        return frozenset()

    def fingerprint(self) -> Any | None:
        """Return values that change when the rows do, beyond the source's own fields; None where they cannot be told without reading.

        What is made of rows that nobody can vouch for is never taken from a checkpoint.
        """
        return None

    def told(self) -> Mapping[str, Any]:
        """Return what the report says of the rows once they have been read, by name: of those, say, that could not be."""
        return {}

    def origin(self) -> str:
        """Return where the rows come from, for plans and errors."""
        return self.name


@dataclass(frozen=True)
class NativeWrite:
    """A file that an engine's own writer may write instead of taking batches through the host."""

    format: Literal["parquet", "csv", "ipc"]
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)


class PartWriter(ABC):
    """Writes parts of an output in other processes than the writer's own; it pickles, and writing a part twice leaves one."""

    @abstractmethod
    def write(self, number: int, batches: Sequence[pa.RecordBatch]) -> dict[str, Any]:
        """Write one part; return its ``rows`` and the ``files`` they are in."""


class Writer(ABC):
    """One output being written, under a temporary name."""

    native: NativeWrite | None = None

    def parts(self) -> PartWriter | None:
        """Return what writes parts elsewhere, or None where all rows must come here."""
        return None

    def take_parts(self, written: Sequence[Mapping[str, Any]]) -> None:
        """Take over the parts that were written elsewhere; they are all there are."""
        raise NotImplementedError

    def explain(self, error: Exception) -> SinkError | None:
        """Return a better account of an error met while writing, with the place and what to do, where the writer knows one."""
        return None

    @abstractmethod
    def write(self, batch: pa.RecordBatch) -> None:
        """Take some rows."""

    @abstractmethod
    def close(self) -> None:
        """Finish the temporary output: all rows are written and on disk."""

    @abstractmethod
    def commit(self) -> Any:
        """Put the output in place of the old one, and return the value that the run gives for it."""

    def first_rows(self) -> pa.Table | None:
        """Return the first rows of what was committed, at most `FIRST_ROWS` of `FIRST_COLUMNS` columns; None where that would take long."""
        return None

    @abstractmethod
    def abort(self) -> None:
        """Remove the temporary output; the old one stays as it is."""


class Sink(Stage):
    """Ends a pipeline: rows to outside."""

    kind: ClassVar[str] = "sink"
    gives: ClassVar[type[Node]] = Value

    def __call__(self, table: Table) -> Value:
        """Return the node that writes the table."""
        return cast(Value, self.wire((table,)))

    def target(self) -> str | None:
        """Return the one place that this sink replaces, so that two sinks on it are found before they run."""
        return None

    def check(self, *schemas: Schema) -> None:
        """Raise PlanError where the sink cannot take a table of the schema."""
        return None

    def probe(self) -> None:
        """Raise SinkError where the target cannot be written, before any work is done."""
        return None

    @abstractmethod
    def open(self, schema: pa.Schema) -> Writer:
        """Return a writer for rows of the schema."""


def check_targets(nodes: Sequence[Node]) -> None:
    """Raise WiringError where two sinks write to one place, or one into the folder of another, which is replaced as a whole."""
    seen: dict[str, Node] = {}
    for node in nodes:
        target = node.stage.target() if isinstance(node.stage, Sink) else None
        for other in seen if target is not None else ():
            if target == other or f"{target}/".startswith(f"{other}/") or f"{other}/".startswith(f"{target}/"):
                where = f"both write to {target}" if target == other else f"write to {target} and {other}, one of which lies in the other"
                msg = f"{node.title} at {node.where} and the one at {seen[other].where} {where}. Give one of them another path."
                raise WiringError(msg)
        if target is not None:
            seen[target] = node
