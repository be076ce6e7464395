"""From an engine's name to the engine, and from a plain frame to the verbs of its library."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from gpupipe.core.barrier import Barrier
from gpupipe.core.demand import Demand
from gpupipe.core.engine import Engine, EngineOptions
from gpupipe.core.errors import MissingExtraError, UsageError, listing, nearest
from gpupipe.core.extras import pip_install
from gpupipe.core.fit import FitStage
from gpupipe.core.holding import Holding
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage, TableStage
from gpupipe.engines._cuda import ask_driver, wants, why_not

if TYPE_CHECKING:
    from gpupipe.engines._single import SingleEngine

ADDRESSES = {
    "cpu": "gpupipe.engines.polars.engine:CpuEngine",
    "pandas": "gpupipe.engines.pandas.engine:PandasEngine",
    "dask": "gpupipe.engines.dask.engine:DaskEngine",
    "gpu": "gpupipe.engines.cudf.engine:CudfEngine",
    "dask-cuda": "gpupipe.engines.dask_cuda.engine:DaskCudaEngine",
}
BLOCKS = {"cpu": "gpupipe.engines.polars.blocks:PolarsBlocks"}  # engines that are others where they work on blocks
CLUSTERED = ("dask", "dask-cuda")  # engines that run on workers
ON_DEVICES = ("gpu", "dask-cuda")
_OF_LIBRARIES = {"polars": "cpu", "cudf": "gpu", "cuda": "gpu", "rapids": "gpu"}  # as somebody might call an engine


def load_engine(name: str, options: EngineOptions | None = None) -> Engine:
    """Return a new engine.

    Parameters
    ----------
    name
        ``"auto"``, or an engine's name. ``"auto"`` is engine ``gpu`` where a device and its libraries work, else engine ``cpu``.
    options
        What else is chosen of it; naming a cluster makes ``"auto"`` an engine that runs on one.

    Raises
    ------
    UsageError
        Where there is no such engine.
    MissingExtraError
        Where its library is not installed, or a device is needed and there is none.
    """
    chosen = options or EngineOptions()
    if name == "auto":
        if chosen.cluster is None and why_not() is None:
            return _gpu_or_cpu(chosen)
        name = "cpu" if chosen.cluster is None else "dask"
    known_engine(name, ("auto",))
    if chosen.cluster is not None and name not in CLUSTERED:
        msg = f"Engine {name!r} runs in one process and takes no cluster, got {chosen.cluster!r}. Leave it out, or use engine 'dask'."
        raise UsageError(msg)
    if chosen.confirm_crossings and name != "gpu":
        msg = f"Only engine 'gpu' can confirm what crosses, by the driver's records of this process, got engine {name!r}. Leave it out."
        raise UsageError(msg)
    if name in ON_DEVICES:
        return _load_gpu(name, chosen)
    try:
        engine = engine_type(name)(chosen)
    except ImportError as error:
        extras = ("cpu", "dask") if name in CLUSTERED else ("cpu",)
        raise MissingExtraError.of(f"Engine {name!r} needs {error.name}", *extras) from error
    return engine


def load_block_engine(name: str, options: EngineOptions) -> Engine:
    """Return a new engine of a name, as workers have it: one that works on blocks."""
    if name not in BLOCKS:
        return load_engine(name, options)
    module, _, member = BLOCKS[name].partition(":")
    made: Engine = getattr(importlib.import_module(module), member)(options)
    return made


def known_engine(name: str, others: Sequence[str] = ()) -> str:
    """Return the name of an engine, or raise UsageError where there is none of that name; `others` are taken, too."""
    names = [*others, *ADDRESSES]
    if name not in names:
        meant = _OF_LIBRARIES.get(name.lower())
        near = nearest(name, names) if meant is None else f" Did you mean {meant!r}?"
        msg = f"There is no engine {name!r}.{near} The engines are {listing(names)}."
        raise UsageError(msg)
    return name


def engine_type(name: str) -> type[Engine]:
    """Return the class of an engine whose packages are there."""
    module, _, member = ADDRESSES[name].partition(":")
    found: type[Engine] = getattr(importlib.import_module(module), member)
    return found


def _load_gpu(name: str, options: EngineOptions) -> Engine:
    """Return a new engine `gpu` or `dask-cuda`, or say what it lacks here."""
    lacks = why_not(on_cluster=name in CLUSTERED)
    if lacks is not None:
        msg = f"Engine {name!r} cannot run here: {lacks}"
        raise MissingExtraError(msg)
    try:
        made = engine_type(name)(options)
    except Exception as error:  # RAPIDS fails in many ways where it is half installed or does not fit the driver
        msg = (
            f"Engine {name!r} cannot start, although its packages are there: {type(error).__name__}: {error}. They may not fit one another "
            f"or the driver. Install them anew: {pip_install(wants(ask_driver()), anew=True)}"
        )
        raise MissingExtraError(msg) from error
    return made


def _gpu_or_cpu(options: EngineOptions) -> Engine:
    """Return a new engine `gpu`, or `cpu` where it does not start; the ledger then says why."""
    try:
        return _load_gpu("gpu", options)
    except MissingExtraError as error:
        engine = load_engine("cpu", options)
        engine.ledger.fall_back(str(error))
        return engine


def apply_plain(stage: TableStage, *frames: Any) -> Any:
    """Return the stage's result on plain frames, in the library of the first: eager for eager ones, lazy for lazy ones.

    Polars and Arrow frames go through Polars. pandas frames go through the pandas engine and come back with Arrow dtypes and
    without their index: in a column of NumPy's dtypes NaN is how pandas writes missing, so it becomes missing, as sources do; in a
    column that has an Arrow dtype already, NaN is a number and stays.

    Raises
    ------
    UsageError
        There is no frame, or one that is neither of Polars, of pandas, nor of Arrow.
    """
    if not frames:
        msg = f"{stage.name}.apply takes at least one frame."
        raise UsageError(msg)
    given = [_known(stage.name, frame) for frame in frames]
    engine = engine_of(given[0])
    try:
        made = _run_plain(engine, stage, [adopted(engine, frame) for frame in given])
        return _returned(engine, made, given[0], frames[0])
    finally:
        engine.close()


def _known(name: str, frame: Any) -> nw.LazyFrame[Any] | nw.DataFrame[Any]:
    """Return a frame of a library that gpupipe runs plain frames of, as narwhals'."""
    try:
        given: nw.LazyFrame[Any] | nw.DataFrame[Any] = nw.from_native(frame)
        known = given.implementation.is_polars() or given.implementation.is_pandas() or given.implementation.is_pyarrow()
        kind = f"one of {given.implementation}"
    except TypeError:  # what narwhals does not know
        known, kind = False, type(frame).__name__
    if not known:
        hint = "It has no rows before it runs." if isinstance(frame, Node) else "Make one of it first, such as pl.DataFrame or pa.table."
        msg = f"{name} expects a Polars, pandas or Arrow frame, got {kind}. {hint}"
        raise UsageError(msg)
    return given


def engine_of(frame: nw.LazyFrame[Any] | nw.DataFrame[Any]) -> SingleEngine:
    """Return a new engine that runs plain frames of this library."""
    return cast("SingleEngine", load_engine("pandas" if frame.implementation.is_pandas() else "cpu"))


def adopted(engine: SingleEngine, frame: nw.LazyFrame[Any] | nw.DataFrame[Any]) -> nw.LazyFrame[Any]:
    """Return a plain frame as the engine's data."""
    from gpupipe.engines import _arrow  # local: loads NumPy and Arrow, which naming an engine does not need

    if frame.implementation.is_polars() and engine.name == "cpu":
        return frame.lazy()
    eager = frame.lazy().collect()
    table = _arrow.from_pandas(eager.to_native()) if eager.implementation.is_pandas() else _arrow.table_of(eager)
    return engine.verbs.literal(table)


def _run_plain(engine: Engine, stage: TableStage, frames: list[nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    """Return the stage's result on lazy frames, in the dtypes that a plan would promise."""
    from gpupipe.engines import _tried  # local: loads Polars, which a caller that only names engines does not need

    schemas = [Schema.of_names(frame.collect_schema()) for frame in frames]
    tried = _tried.try_stage(stage, schemas, strict=False)
    made: nw.LazyFrame[Any] = engine.run(tried.stage, frames, tried.schema)
    return made


def _returned(engine: Engine, made: nw.LazyFrame[Any], given: nw.LazyFrame[Any] | nw.DataFrame[Any], frame: Any) -> Any:
    """Return the result as the first frame was given: lazy or eager, wrapped or not, Arrow for Arrow."""
    from gpupipe.engines import _arrow  # local: see `adopted`

    result = made
    if given.implementation.is_pyarrow():
        result = nw.from_native(_arrow.table_of(engine.deliver(made)), eager_only=True).lazy()
    if not isinstance(given, nw.LazyFrame):
        result = engine.deliver(result)
    return result if isinstance(frame, nw.LazyFrame | nw.DataFrame) else result.to_native()


def array_of_plain(stage: TableStage, columns: Sequence[str], frame: Any, *, named: bool = False) -> Any:
    """Return some columns of a plain frame as the array, or the named columns, that estimators take; see `apply_plain` for which frames."""
    from gpupipe.engines import _arrow  # local: see `adopted`

    table = table_of_plain(stage, columns, frame)
    return _arrow.named_frame(table) if named else _arrow.as_array(table, whole_numbers=True)


def table_of_plain(stage: TableStage, columns: Sequence[str], frame: Any) -> Any:
    """Return some columns of a plain frame as an Arrow table, once the stage takes them; see `apply_plain` for which frames."""
    from gpupipe.engines import _arrow  # local: see `adopted`

    given = _known(stage.name, frame)
    engine = engine_of(given)
    try:
        data = adopted(engine, given)
        stage.plan(Schema.of_names(data.collect_schema()))
        return _arrow.table_of(engine.deliver(data.select(list(columns))))
    finally:
        engine.close()


def concluded_plain(stage: Barrier, *inputs: Any) -> Any:
    """Return what a barrier concludes of plain frames, and of what others concluded."""
    known = [each if isinstance(each, Holding | RowStage) else _known(stage.name, each) for each in inputs]
    frames = [each for each in known if isinstance(each, nw.LazyFrame | nw.DataFrame)]
    engine = engine_of(frames[0] if frames else nw.from_dict({}, backend="polars"))
    try:
        held = [adopted(engine, each) if isinstance(each, nw.LazyFrame | nw.DataFrame) else each for each in known]
        specs = [_spec_of(each) for each in held]
        planned = stage.plan(*specs)
        wants = stage.wants(*specs)
        demands = [Demand(want.form, each, want) for want, each in zip(wants, held, strict=True) if want is not None]
        made = iter(engine.compute(demands))
        results = [each if want is None else next(made) for want, each in zip(wants, held, strict=True)]
        if isinstance(stage, FitStage) and not isinstance(results[0], nw.LazyFrame):
            results = [stage.merge(results)]
        concluded = stage.conclude(engine, results, None, planned)
        if isinstance(concluded, nw.LazyFrame):
            given = (frames[0], next(each for each in inputs if not isinstance(each, Holding | RowStage))) if frames else None
            return engine.deliver(concluded).to_native() if given is None else _returned(engine, concluded, *given)
        return concluded
    finally:
        engine.close()


def _spec_of(held: Any) -> Any:
    """Return what the plan would know of one input."""
    if isinstance(held, nw.LazyFrame):
        return Schema.of_names(held.collect_schema())
    return held.spec if isinstance(held, Holding) else held


def train_plain(stage: Barrier, frame: Any, validation: Any) -> Any:
    """Return what a learner makes of plain frames."""
    given = [_known(stage.name, one) for one in (frame, validation) if one is not None]
    engine = engine_of(given[0])
    try:
        frames = [adopted(engine, one) for one in given]
        stage.plan(*map(engine.schema, frames))
        return stage.conclude(engine, frames, None)
    finally:
        engine.close()
