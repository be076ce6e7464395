"""Engine ``cpu``: every table is a lazy Polars frame, and everything demanded at one time is one streaming query.

Consecutive stages stay lazy, so Polars fuses them; demands computed together share their common parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import polars as pl

from gpupipe.core.arrow import plain_table
from gpupipe.core.ends import NativeWrite, Source, Writer
from gpupipe.core.engine import Demand, EngineOptions, Reading
from gpupipe.core.errors import GpupipeError, SinkError, StageError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.engines._scan import explained, read_lazy, read_pieces
from gpupipe.engines._single import SingleEngine
from gpupipe.engines.polars.limits import LIMITS
from gpupipe.engines.polars.pieces import Keys, Pieces, pieces_of
from gpupipe.engines.polars.verbs import PolarsVerbs

Frame = nw.LazyFrame[Any]
Data = Frame | Pieces


class CpuEngine(SingleEngine):
    """Polars: lazy, streaming, on all cores."""

    name: ClassVar[str] = "cpu"
    lazy: ClassVar[bool] = True
    limits = LIMITS

    def __init__(self, options: EngineOptions | None = None) -> None:
        super().__init__(options)
        self.verbs = PolarsVerbs()
        self._keys: dict[int, Keys] = {}

    def read(self, source: Source, reading: Reading, schema: Schema) -> Data:
        """Return a lazy scan of what is needed, in pieces where the source declares that its files keep keys together."""
        key = source.whole_keys()
        try:
            pieces = read_pieces(source, reading, self.scratch) if key and set(key) <= set(reading.columns) else []
            if pieces:
                return pieces_of(source.origin(), key, pieces)
            rows = read_lazy(source, reading, schema, self.scratch)
            return nw.from_native(rows.cache() if reading.predicate is None else rows)  # a cache would keep the filter out of the scan
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
        if isinstance(data, Pieces):
            self._keys[id(data.keys)] = data.keys
            return data.whole
        return data

    def deliver(self, data: Data) -> nw.DataFrame[Any]:
        """Return the rows as an eager frame."""
        with _polars_errors(()):
            return self._whole(data).collect()

    def compute(self, demands: Sequence[Demand]) -> list[Any]:
        """Return what is demanded, computed as one query."""
        queries, finishers = [], []
        for demand in demands:
            data = self._whole(demand.data)
            native = data.to_native() if demand.want is None else demand.want.prepare(self.verbs, data).to_native()
            query, finish = _plan(demand, native)
            queries.append(query)
            finishers.append(finish)
        with _polars_errors([demand.writer for demand in demands if demand.writer is not None]):
            frames = pl.collect_all(queries, engine="streaming") if len(queries) > 1 else [_one(queries[0])]
        watched, self._keys = self._keys, {}
        for keys in watched.values():
            keys.check()
        return [finish(frame) for finish, frame in zip(finishers, frames, strict=True)]

    def size(self, data: Data) -> int | None:
        """Return the bytes of held rows."""
        return int(self._whole(data).to_native().collect().estimated_size())


def _one(query: pl.LazyFrame) -> pl.DataFrame:
    """Return the result of one query."""
    frame = query.collect(engine="streaming")
    assert isinstance(frame, pl.DataFrame)
    return frame


def _plan(demand: Demand, native: pl.LazyFrame) -> tuple[pl.LazyFrame, Callable[[pl.DataFrame], Any]]:
    """Return the query of one demand, and what makes its result of the query's frame."""
    if demand.form == "held":
        return native, lambda frame: nw.from_native(frame.lazy())
    if demand.form == "rows":
        return native.select(pl.len()), lambda frame: int(frame.item())
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
        raise _written(error, writers) or SinkError(f"Polars could not read or write: {error}.") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, nw.exceptions.NarwhalsError) as error:
        raise _written(error, writers) or StageError(f"Polars: {error}") from error
    except Exception as error:  # what a function inside the query raises comes out as it is
        raise _written(error, writers) or StageError(f"{type(error).__name__}: {error}") from error


def _written(error: Exception | BaseException, writers: Sequence[Writer]) -> SinkError | None:
    """Return the first account that a writer has of the error."""
    accounts = (writer.explain(error) for writer in writers if isinstance(error, Exception))
    return next((account for account in accounts if account is not None), None)
