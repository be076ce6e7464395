"""Engine ``cpu``: every table is a lazy Polars frame, and everything demanded at one time is one streaming query.

Consecutive stages stay lazy, so Polars fuses them; demands computed together share their common parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import narwhals.stable.v2 as nw
import polars as pl

from gpupipe.core.arrow import plain_table
from gpupipe.core.demand import Demand
from gpupipe.core.ends import NativeWrite, Reading, Source, Writer
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import GpupipeError, SinkError, StageError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.engines._scan import explained, polars_dtypes, read_lazy, read_pieces
from gpupipe.engines._single import SingleEngine
from gpupipe.engines._symbolic import narrowed, needed_columns
from gpupipe.engines._verbs import account_of
from gpupipe.engines.polars.limits import LIMITS
from gpupipe.engines.polars.pieces import Keys, Pieces, pieces_of
from gpupipe.engines.polars.shared_scan import Kept
from gpupipe.engines.polars.verbs import PolarsVerbs

Frame = nw.LazyFrame[Any]
Data = Frame | Pieces


class CpuEngine(SingleEngine):
    """Polars: lazy, streaming, on all cores."""

    name: ClassVar[str] = "cpu"
    lazy: ClassVar[bool] = True
    is_wide: ClassVar[bool] = True
    limits = LIMITS

    def __init__(self, options: EngineOptions | None = None) -> None:
        super().__init__(options)
        self.verbs = PolarsVerbs()
        self._wholes: dict[Pieces, Frame] = {}  # what is computed next reads them

    def read(self, source: Source, reading: Reading, schema: Schema) -> Data:
        """Return a lazy scan, of which Polars reads what a query needs; in pieces where the source says that files keep keys together."""
        key = source.whole_keys()
        try:
            pieces = read_pieces(source, reading, self.scratch) if key and set(key) <= set(reading.columns) else []
            if pieces:
                return pieces_of(source.origin(), key, pieces)
            return nw.from_native(read_lazy(source, reading, schema, self.scratch, wide=True))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise explained(source, error) from error

    def run(self, stage: TableStage, inputs: Sequence[Data], schema: Schema) -> Data:
        """Return the stage's result, lazily; piece by piece where the table is in pieces and the stage allows it."""
        with _polars_errors(()):
            first = inputs[0]
            pieces = first.run(stage, self.verbs) if isinstance(first, Pieces) and len(inputs) == 1 else None
            return stage.run(self.verbs, *(self._whole(given) for given in inputs)) if pieces is None else pieces

    def _whole(self, data: Data) -> Frame:
        """Return the table as one frame."""
        if not isinstance(data, Pieces):
            return data
        if data not in self._wholes:
            self._wholes[data] = data.whole()
        return self._wholes[data]

    def deliver(self, data: Data) -> nw.DataFrame[Any]:
        """Return the rows as an eager frame."""
        with _polars_errors(()):
            return self._whole(data).collect()

    def compute(self, demands: Sequence[Demand]) -> list[Any]:
        """Return what is demanded, computed as one query; what needs little of the pieces that others read comes in a second one."""
        inside = set(self._wholes)
        made: dict[int, Any] = {}
        watched = {table.keys for table in inside}
        with _polars_errors(()):
            later, kept = self._left_for_later(demands, inside)
        try:
            for numbers in ([number for number in range(len(demands)) if number not in later], sorted(later)):
                queries, finishers = self._queries([demands[number] for number in numbers])
                with _polars_errors([writer for number in numbers if (writer := demands[number].writer) is not None]):
                    alone = len(numbers) == 1
                    engine: Literal["in-memory", "streaming"] = "in-memory" if alone and _is_held(demands[numbers[0]]) else "streaming"
                    frames = (
                        [queries[0].collect(engine=engine)] if alone else pl.collect_all(queries, engine="streaming") if numbers else []
                    )
                made |= {number: finish(frame) for number, finish, frame in zip(numbers, finishers, frames, strict=True)}
                watched |= {table.keys for table in self._wholes}
                for keys in kept:
                    keys.is_kept = True
        finally:
            self._wholes = {}
            for keys in kept:
                keys.kept, keys.is_kept = {}, False
        for keys in watched:
            keys.check()
        return [made[number] for number in range(len(demands))]

    def _queries(self, demands: Sequence[Demand]) -> tuple[list[pl.LazyFrame], list[Callable[[Any], Any]]]:
        """Return the queries of some demands, and what makes the result of each query's frame."""
        queries, finishers = [], []
        for demand in demands:
            data = held_to(demand.schema, self._whole(_read(demand)))
            want = demand.want
            wanted = data if want is None else want.prepare(self.verbs, data)
            query, finish = _plan(demand, (wanted if want is None or want.whole is None else want.whole(wanted)).to_native())
            queries.append(query)
            finishers.append(finish)
        return queries, finishers

    def _left_for_later(self, demands: Sequence[Demand], inside: set[Pieces]) -> tuple[set[int], list[Keys]]:
        """Return the demands of tables whose pieces others read, and prepare that what they need of the pieces is kept.

        Others are the tables that stand `inside` a query or, where there is none, that of the demand that needs most columns.
        """
        alone: dict[Keys, list[int]] = {}
        for number, demand in enumerate(demands):
            table = _read(demand)
            if isinstance(table, Pieces):
                alone.setdefault(table.keys, []).append(number)
        needed = {number: self._needed(demands[number]) for numbers in alone.values() if len(numbers) > 1 or inside for number in numbers}
        led = {table.keys for table in inside}
        tables: dict[Pieces, set[str]] = {}
        later: set[int] = set()
        for keys, numbers in alone.items():
            leads = None if keys in led else max(numbers, key=lambda number: len(needed.get(number, ())))
            for number in numbers:
                if number != leads:
                    tables.setdefault(cast(Pieces, _read(demands[number])), set()).update(needed[number])
                    later.add(number)
        for keys in alone:
            mine = {table: names for table, names in tables.items() if table.keys is keys}
            keys.kept = {table: Kept(table.narrowed(names), len(tables)) for table, names in mine.items()}
        return later, list(alone)

    def _needed(self, demand: Demand) -> list[str]:
        """Return the columns of a table in pieces that a demand needs."""
        table, want = cast(Pieces, _read(demand)), demand.want
        schema = demand.schema or table.schema
        return list(
            schema if want is None else narrowed(schema, needed_columns(lambda frame: want.prepare(self.verbs, frame), [schema])[0])
        )

    def size(self, data: Data) -> int | None:
        """Return the bytes of held rows."""
        return int(self._whole(data).to_native().collect(engine="in-memory").estimated_size())


def held_to(schema: Schema | None, data: Frame) -> Frame:
    """Return the columns that the plan says are needed.

    Raises
    ------
    StageError
        Where the table is not as planned.
    """
    if schema is None:
        return data
    native = data.to_native()
    have, planned = native.collect_schema(), polars_dtypes(schema)
    if any(have.get(name) != dtype for name, dtype in planned.items()):
        got = {name: str(have[name]) if name in have else "none" for name, dtype in planned.items() if have.get(name) != dtype}
        msg = (
            f"Expected the planned columns {dict(planned)}, but a stage made {got} of them. A function must make what it made in the plan."
        )
        raise StageError(msg)
    return data if list(have) == list(planned) else nw.from_native(native.select(list(planned)))


def _read(demand: Demand) -> Data:
    """Return what is read for a demand: the table or, where it is in pieces and only its rows count, their numbers."""
    data: Data = demand.data
    return data.counts if demand.form == "rows" and isinstance(data, Pieces) else data


def _is_held(demand: Demand) -> bool:
    """Whether a demand is the number of rows that are held, for which to set up the streaming engine takes longer than to count."""
    return demand.form == "rows" and not isinstance(demand.data, Pieces)


def _plan(demand: Demand, native: pl.LazyFrame) -> tuple[pl.LazyFrame, Callable[[pl.DataFrame], Any]]:
    """Return the query of one demand, and what makes its result of the query's frame."""
    if demand.form == "held":
        return native, lambda frame: nw.from_native(frame.lazy())
    if demand.form == "rows":
        counted = pl.all().sum() if isinstance(demand.data, Pieces) else pl.len()
        return native.select(counted), lambda frame: int(frame.item())
    if demand.form == "arrow":
        return native, lambda frame: plain_table(frame.to_arrow())
    if demand.form == "drain":
        query = native.sink_batches(lambda frame: None, lazy=True)
        assert query is not None
        return query, lambda frame: None
    assert demand.writer is not None
    return _write(demand.writer, native)


def _write(writer: Writer, native: pl.LazyFrame) -> tuple[pl.LazyFrame, Callable[[pl.DataFrame], Any]]:
    """Return the query that writes, and what closes the writer after it."""
    if writer.native is not None:
        query = _native_sink(writer.native, native)
    else:

        def take(frame: pl.DataFrame) -> None:
            for batch in plain_table(frame.to_arrow()).to_batches():
                writer.write(batch)

        query = native.sink_batches(take, lazy=True)
    assert query is not None

    def finish(_: pl.DataFrame) -> None:
        writer.close()

    return query, finish


def _native_sink(target: NativeWrite, native: pl.LazyFrame) -> pl.LazyFrame | None:
    """Return the query of Polars' own writer."""
    if target.format == "parquet":
        return native.sink_parquet(target.path, lazy=True, **target.options)
    if target.format == "ipc":
        return native.sink_ipc(target.path, lazy=True, compat_level=pl.CompatLevel.oldest(), **target.options)
    return native.sink_csv(target.path, lazy=True, **target.options)


@contextmanager
def _polars_errors(writers: Sequence[Writer]) -> Iterator[None]:
    """Turn Polars' errors into gpupipe's, by the account of the output they are about; the executor finds the stage at fault."""
    try:
        yield
    except GpupipeError:
        raise
    except OSError as error:
        own = _is_polars_own(error)
        told = SinkError(f"Polars could not read or write: {error}.") if own else StageError(f"{type(error).__name__}: {error}")
        raise _written(error, writers) or told from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, nw.exceptions.NarwhalsError) as error:
        raise _written(error, writers) or StageError(account_of(error) or f"Polars: {error}") from error
    except Exception as error:  # what a function inside the query raises comes out as it is
        raise _written(error, writers) or StageError(f"{type(error).__name__}: {error}") from error


def _is_polars_own(error: OSError) -> bool:
    """Whether Polars' own reader or writer raised the error, and not a Python function that a query calls, such as a user's."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is None or Path(pl.__file__).parent in Path(at.tb_frame.f_code.co_filename).parents


def _written(error: Exception | BaseException, writers: Sequence[Writer]) -> SinkError | None:
    """Return the first account that a writer has of the error."""
    accounts = (writer.explain(error) for writer in writers if isinstance(error, Exception))
    return next((account for account in accounts if account is not None), None)
