"""A stretch: work on a block that nothing separates, from the blocks that come in to all that is made of them, in one task.

Its works are described one after the other as frames, and what its ends want of them is computed together: by a lazy engine in one query.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals.stable.v2 as nw
import pandas as pd
import pyarrow as pa

from gpupipe.core.demand import Demand
from gpupipe.core.ends import PartWriter, Reading, Source
from gpupipe.core.errors import GpupipeError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.core.want import Want
from gpupipe.engines._arrow import arrow_schema, conform_arrow
from gpupipe.engines._block_engine import BlockEngine, carrying
from gpupipe.engines._blocks import TaskContext, packed, told, unpacked
from gpupipe.engines._single import batches_of

Frame = nw.LazyFrame[Any]


class Work(ABC):
    """Makes a frame of frames, or of what else comes in."""

    @abstractmethod
    def frame(self, engine: BlockEngine, *given: Any) -> Frame:
        """Return the frame, which need not be computed."""

    def explained(self, error: GpupipeError) -> GpupipeError | None:
        """Return a better account of an error in the work, where there is one."""
        return None


@dataclass(frozen=True)
class ReadPieces(Work):
    """Reads the pieces of a source that come in."""

    source: Source
    reading: Reading
    schema: Schema

    def frame(self, engine: BlockEngine, *given: Any) -> Frame:
        """Return the rows of the pieces."""
        return engine.read_pieces(self.source, given[0]["table"].iloc[0], self.reading, self.schema)

    def explained(self, error: GpupipeError) -> GpupipeError | None:
        """Return the source's own account."""
        return self.source.explain(error)


@dataclass(frozen=True)
class HoldRows(Work):
    """Takes rows that come in as an Arrow table in bytes."""

    schema: Schema

    def frame(self, engine: BlockEngine, *given: Any) -> Frame:
        """Return the rows."""
        return engine.ingested(conform_arrow(unpacked(given[0]["table"].iloc[0]), self.schema))


@dataclass(frozen=True)
class RunStage(Work):
    """Runs a stage on one block of each input."""

    stage: TableStage
    schema: Schema

    def frame(self, engine: BlockEngine, *given: Any) -> Frame:
        """Return the stage's rows."""
        made: Frame = engine.run(self.stage, given, self.schema)
        return made


@dataclass(frozen=True)
class StackRows(Work):
    """Brings a block of one of a stacking stage's tables to the columns of the result.

    Parameters
    ----------
    number
        Which of the tables it is of.
    schemas
        The columns of every table.
    """

    stage: TableStage
    schema: Schema
    number: int
    schemas: tuple[Schema, ...]

    def frame(self, engine: BlockEngine, *given: Any) -> Frame:
        """Return the block's rows as rows of the result."""
        frames = [engine.verbs.literal(arrow_schema(schema).empty_table()) for schema in self.schemas]
        frames[self.number] = given[0]
        made: Frame = engine.run(self.stage, frames, self.schema)
        return made


@dataclass(frozen=True)
class PrepareWant(Work):
    """Makes what a barrier wants."""

    want: Want

    def frame(self, engine: BlockEngine, *given: Any) -> Frame:
        """Return the wanted rows."""
        return engine.prepared(self.want, given[0])


@dataclass(frozen=True)
class ChooseColumns(Work):
    """Takes some of the columns."""

    columns: tuple[str, ...]

    def frame(self, engine: BlockEngine, *given: Any) -> Frame:
        """Return the columns."""
        made: Frame = given[0].select(list(self.columns))
        return made


@dataclass(frozen=True)
class FirstRows(Work):
    """Takes the first rows of a block."""

    n_rows: int

    def frame(self, engine: BlockEngine, *given: Any) -> Frame:
        """Return the rows."""
        made: Frame = given[0].head(self.n_rows)
        return made


class End(ABC):
    """Makes something of a frame that has been computed."""

    form: Literal["held", "rows"] = "held"  # what it wants of the frame

    @abstractmethod
    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> Any:
        """Return what Dask is to hold.

        Parameters
        ----------
        rows
            The computed frame, or the number of its rows.
        given
            What else comes in.
        """


@dataclass(frozen=True)
class KeepBlock(End):
    """Keeps the rows as a block."""

    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> Any:
        """Return the block."""
        return engine.closed(rows)


@dataclass(frozen=True)
class MeasureRows(End):
    """Takes the rows to Arrow, packed.

    Parameters
    ----------
    at_end
        Whether the rows go to a sink or an output.
    """

    at_end: bool = False

    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> pd.DataFrame:
        """Return the Arrow table, packed."""
        return packed(engine.to_arrow(rows, at_end=self.at_end))


@dataclass(frozen=True)
class CountRows(End):
    """Counts the rows."""

    form: Literal["held", "rows"] = "rows"

    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> pd.DataFrame:
        """Return the number, packed."""
        return packed(pa.table({"rows": pa.array([rows], pa.int64())}))


@dataclass(frozen=True)
class DrainRows(End):
    """Counts the rows once every value of theirs has been made."""

    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> pd.DataFrame:
        """Return the number, packed."""
        return packed(pa.table({"rows": pa.array([_n_rows(rows)], pa.int64())}))


@dataclass(frozen=True)
class WriteRows(End):
    """Writes the rows as a part of an output, whose number comes in."""

    writer: PartWriter

    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> pd.DataFrame:
        """Return what was written."""
        table = engine.to_arrow(rows, at_end=True)
        return carrying(self.writer.write(int(given[0]["number"].iloc[0]), batches_of(table)))


@dataclass(frozen=True)
class PlaceRows(End):
    """Sends each row to one of some blocks by the hash of its key; equal keys go to one block, on every table.

    Parameters
    ----------
    values
        For each block, the value that Dask's own hash sends there.
    """

    keys: tuple[str, ...]
    values: tuple[int, ...]

    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> Any:
        """Return the rows with their addresses."""
        places = engine.hashes(rows, self.keys) % engine.xp.uint64(len(self.values))
        return engine.addressed(rows, places.astype(engine.xp.int64), self.values)


@dataclass(frozen=True)
class Stretch:
    """Runs works on blocks of the same number, and makes all that their ends make.

    Parameters
    ----------
    inputs
        The schemas of the blocks that come in; None for what is no block.
    works, ends
        Each with its place in the run, and with the numbers of what it is given: of inputs, then of works.
    """

    at: TaskContext
    inputs: tuple[Schema | None, ...]
    works: tuple[tuple[TaskContext, Work, tuple[int, ...]], ...]
    ends: tuple[tuple[TaskContext, End, tuple[int, ...]], ...]

    def __call__(self, *blocks: Any) -> Any:
        """Return what the one end makes, or carry what several make."""
        started = time.perf_counter()
        with self.at.work() as engine:
            now: list[TaskContext] = []  # whose turn it is, outside the query
            try:
                made = self._made(engine, blocks, now, started)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001  (told, and raised again)
                at, better = (now[0], None) if now else self._blamed(engine, blocks)
                raised = told(better or error, at.step)
                raise raised from error.__cause__ if raised is error else error
        return made[0] if len(made) == 1 else carrying(tuple(made))

    def _made(self, engine: BlockEngine, blocks: Sequence[Any], now: list[TaskContext], started: float) -> list[Any]:
        """Return what each end makes."""
        frames = self._described(engine, blocks, now)
        held = {given[0] for _, end, given in self.ends if end.form == "held"}
        asked = [("held", number) for number in sorted(held)]
        asked += [("rows", number) for number in sorted({given[0] for _, _, given in self.ends} - held)]
        now.clear()
        found = dict(zip(asked, engine.compute([Demand(form, frames[number]) for form, number in asked]), strict=True))  # type: ignore[arg-type]
        made = []
        for at, end, given in self.ends:
            now[:] = [at]
            rows = found.get((end.form, given[0]))
            if rows is None:
                rows = _n_rows(found["held", given[0]])
            made.append(end.made(engine, rows, *(blocks[number] for number in given[1:])))
        self._spend(engine, found, time.perf_counter() - started)
        return made

    def _described(self, engine: BlockEngine, blocks: Sequence[Any], now: list[TaskContext]) -> list[Any]:
        """Return the frames of the inputs and the works."""
        uses = [number for _, _, given in self.works for number in given]
        uses += {(end.form, given[0]): given[0] for _, end, given in self.ends}.values()
        frames: list[Any] = []
        for block, schema in zip(blocks, self.inputs, strict=True):
            frames.append(block if schema is None else engine.opened(block, schema))
        for at, work, given in self.works:
            now[:] = [at]
            frame = work.frame(engine, *(frames[number] for number in given))
            frames.append(engine.shared(frame) if uses.count(len(frames)) > 1 else frame)
        return frames

    def _spend(self, engine: BlockEngine, found: dict[tuple[str, int], Any], seconds: float) -> None:
        """Enter what each work came to, as far as its rows were looked at; the time of all is the last one's."""
        for number, (at, _, _) in enumerate(self.works, start=len(self.inputs)):
            held = found.get(("held", number))
            n_rows, n_bytes = found.get(("rows", number), 0), 0
            if held is not None:
                n_rows, n_bytes = _n_rows(held), engine.size(held) or 0
            at.spend(n_rows, n_bytes, seconds if number == len(self.inputs) + len(self.works) - 1 else 0.0)

    def _blamed(self, engine: BlockEngine, blocks: Sequence[Any]) -> tuple[TaskContext, Exception | None]:
        """Return the place of the first work that fails by itself, and the better account that it has of the error."""
        frames: list[Any] = [
            block if schema is None else engine.opened(block, schema) for block, schema in zip(blocks, self.inputs, strict=True)
        ]
        for at, work, given in self.works:
            try:
                frames.append(engine.compute([Demand("held", work.frame(engine, *(frames[number] for number in given)))])[0])
            except Exception as again:  # noqa: BLE001  (the error that is raised is the first one)
                return at, work.explained(again) if isinstance(again, GpupipeError) else None
        return self.at, None


def _n_rows(frame: Frame) -> int:
    """Return the number of rows of a computed frame."""
    return len(frame.collect())


@dataclass(frozen=True)
class PickResult:
    """Takes one of what the ends of a stretch made."""

    number: int

    def __call__(self, made: pd.DataFrame) -> Any:
        """Return it."""
        return made["table"].iloc[0][self.number]
