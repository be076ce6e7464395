"""From an engine's name to the engine, and from a plain frame to the verbs of its library."""

from __future__ import annotations

import importlib
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.engine import Engine, Verbs
from gpupipe.core.errors import MissingExtraError, UnsupportedError, UsageError, listing, nearest
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Barrier, FitStage, TableStage

ADDRESSES = {"cpu": "gpupipe.engines.polars.engine:CpuEngine", "pandas": "gpupipe.engines.pandas.engine:PandasEngine"}
PLANNED = {"gpu": "cuDF", "dask": "Dask", "dask-cuda": "Dask-CUDA"}


def load_engine(name: str) -> Engine:
    """Return a new engine.

    Parameters
    ----------
    name
        ``"auto"``, or an engine's name.

    Raises
    ------
    UsageError
        Where there is no such engine.
    MissingExtraError
        Where its library is not installed.
    """
    if name == "auto":
        name = "cpu"
    if name in PLANNED:
        msg = f"Engine {name!r} ({PLANNED[name]}) is not in this release of gpupipe. Use one of {listing(ADDRESSES)}."
        raise UnsupportedError(msg)
    if name not in ADDRESSES:
        names = [*ADDRESSES, *PLANNED]
        msg = f"There is no engine {name!r}.{nearest(name, names)} The engines are 'auto', {listing(ADDRESSES)}."
        raise UsageError(msg)
    module, _, member = ADDRESSES[name].partition(":")
    try:
        engine: Engine = getattr(importlib.import_module(module), member)()
    except ImportError as error:
        msg = f"Engine {name!r} needs {error.name}, which is not installed. Run: pip install 'gpupipe[cpu]'"
        raise MissingExtraError(msg) from error
    return engine


def apply_plain(stage: TableStage, *frames: Any) -> Any:
    """Return the stage's result on plain frames: eager for eager ones, in the library of the first."""
    if not frames:
        msg = f"{stage.name}.apply takes at least one frame."
        raise UsageError(msg)
    given = [nw.from_native(frame) for frame in frames]
    lazy = [frame.lazy() for frame in given]
    made = _run_plain(stage, lazy)
    result = made if isinstance(given[0], nw.LazyFrame) else made.collect()
    return result if isinstance(frames[0], nw.LazyFrame | nw.DataFrame) else result.to_native()


def _run_plain(stage: TableStage, frames: list[nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    """Return the stage's result on lazy frames, in the dtypes that a plan would promise."""
    from gpupipe.engines import _symbolic  # local: loads Polars, which a caller that only names engines does not need

    schemas = [Schema.of_names(frame.collect_schema()) for frame in frames]
    stage.check(*schemas)
    if frames[0].implementation.is_polars():
        return stage.run(_symbolic.VERBS, *frames)
    planned = stage.run(_symbolic.VERBS, *(_symbolic.empty_frame(schema) for schema in schemas))
    schema = _symbolic.frame_schema(planned, frozenset())
    engine = _engine_of(frames[0])
    if engine is None:
        from gpupipe.engines._verbs import NarwhalsVerbs  # local: as above

        return stage.run(NarwhalsVerbs(), *frames)
    try:
        made: nw.LazyFrame[Any] = engine.run(stage, frames, schema)
        return made
    finally:
        engine.close()


def _engine_of(frame: nw.LazyFrame[Any]) -> Engine | None:
    """Return the engine whose tables are frames of this library."""
    return load_engine("pandas") if frame.implementation.is_pandas() else None


def measure_plain(stage: FitStage, frame: Any) -> pa.Table:
    """Return what a fit stage measures on a plain frame."""
    given = nw.from_native(frame).lazy()
    stage.check(Schema.of_names(given.collect_schema()))
    from gpupipe.engines._arrow import table_of  # local: loads NumPy and Arrow, which naming an engine does not need

    engine = load_engine("cpu" if given.implementation.is_polars() else "pandas")
    verbs: Verbs = engine.verbs  # type: ignore[attr-defined]
    try:
        measured = table_of(stage.measure(verbs, given).collect())
    finally:
        engine.close()
    return stage.merge([measured])


def train_plain(stage: Barrier, frame: Any, validation: Any) -> Any:
    """Return what a learner makes of plain frames."""
    frames = [nw.from_native(given).lazy() for given in (frame, validation) if given is not None]
    stage.check(*(Schema.of_names(given.collect_schema()) for given in frames))
    engine = load_engine("cpu" if frames[0].implementation.is_polars() else "pandas")
    try:
        return stage.conclude(engine, frames, None)
    finally:
        engine.close()
