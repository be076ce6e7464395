"""Files scored with a saved stage: what ``gpupipe predict`` does, as one pipeline of a source, the stage and a sink."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import narwhals.stable.v2 as nw

from gpupipe.artefact import load
from gpupipe.core.ends import Sink, Source
from gpupipe.core.errors import ArtefactError, DtypeError, SinkError, UsageError, listing, nearest
from gpupipe.core.function_text import plain_function
from gpupipe.core.node import Node
from gpupipe.core.stage import RowStage
from gpupipe.definition import load_module
from gpupipe.models.learn import Learned
from gpupipe.pipeline import Pipeline
from gpupipe.sinks.write_arrow import WriteArrow
from gpupipe.sinks.write_csv import WriteCsv
from gpupipe.sinks.write_parquet import WriteParquet
from gpupipe.sources import read_arrow, read_csv, read_json, read_parquet
from gpupipe.stages.limit import Limit
from gpupipe.stages.select import Select

_READERS: Mapping[str, Any] = {
    "csv": (read_csv.SUFFIXES, read_csv.ReadCsv),
    "parquet": (read_parquet.SUFFIXES, read_parquet.ReadParquet),
    "json": (read_json.SUFFIXES, read_json.ReadJson),
    "arrow": (read_arrow.SUFFIXES, read_arrow.ReadArrow),
}
NodeKind = TypeVar("NodeKind", bound=Node)
_SINKS: Mapping[str, Any] = {".parquet": WriteParquet, ".csv": WriteCsv, ".arrow": WriteArrow, ".feather": WriteArrow}


@dataclass(frozen=True)
class PredictCall:
    """What is to be scored with what.

    Parameters
    ----------
    method
        The model's method; None for what the saved stage does by itself.
    columns
        The columns to write, divided by commas; None for all.
    dtypes
        Dtypes of columns of text files, as ``name=Dtype``.
    nulls
        Texts of text files that mean a missing value, beside the empty one.
    code
        Python files with functions that the saved stage runs.
    """

    model: Path
    source: str
    output: str
    method: str | None = None
    columns: str | None = None
    dtypes: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    separator: str = ","
    code: tuple[Path, ...] = ()
    overwrite: bool = False


def score(call: PredictCall, engine: str = "auto") -> dict[str, Any]:
    """Return what was written: ``rows``, ``path``, ``seconds``.

    Raises
    ------
    ArtefactError
        The saved stage cannot be loaded, or runs functions that no file of `code` has.
    UsageError
        The formats cannot be told from the names, or the output is there already.
    PlanError
        The input has not the columns, or not the dtypes, that the stage needs.
    """
    started = time.perf_counter()
    stage = saved_stage(call)
    rows = _told_at(source_of(call).node().named("input"), call.source)
    made = stage(rows)
    _told_at(made, str(call.model / "stage.json"))
    if call.columns is not None:
        made = Select([name.strip() for name in call.columns.split(",")])(made)
    try:
        result = Pipeline("predict", written=_told_at(_sink(call)(made), call.output)).run(engine)
    except DtypeError as error:
        if call.source.lower().endswith(".csv") or Path(call.source).is_dir():
            error.add_note("On the command line: --dtype NAME=DTYPE says what a column of text files holds, as --dtype age=Float64.")
        raise
    except SinkError as error:
        if Path(call.output).exists() and not call.overwrite:
            error.add_note("On the command line: --overwrite replaces what is there.")
        raise
    return {**cast(dict[str, Any], result["written"]), "seconds": round(time.perf_counter() - started, 3)}


def _told_at(node: NodeKind, path: str) -> NodeKind:
    """Return a node whose errors are told to belong to a file: no line of the user's wired it."""
    node.path, node.line = path, 1
    return node


def saved_stage(call: PredictCall) -> RowStage:
    """Return the saved stage, or the method of it that is asked for."""
    trusted = [value for path in call.code for value in vars(load_module(path)).values() if plain_function(value) is not None]
    stage = load(call.model, trusted=trusted)
    if not isinstance(stage, RowStage):
        msg = f"{call.model} holds a {getattr(stage, 'word', type(stage).__name__)}, which scores no rows of a table."
        raise ArtefactError(f"{msg} Save a model, or a gp.Chain.between of two tables.")
    return stage if call.method is None else stage.using(call.method)


def first_rows(call: PredictCall, stage: RowStage, n_rows: int) -> Any:
    """Return the first rows of the input, with the features of a model alone."""
    rows = Limit(n_rows)(_told_at(source_of(call).node().named("rows"), call.source))
    made = Select(list(stage.features))(rows) if isinstance(stage, Learned) else rows
    return Pipeline("rows", rows=made).run("cpu")["rows"]


def source_of(call: PredictCall) -> Source:
    """Return the source of the input, by its files' suffixes."""
    suffix = call.source.lower()
    found = next((name for name, (suffixes, _) in _READERS.items() if suffix.endswith(tuple(suffixes))), None)
    if found is None and Path(call.source).is_dir():
        found = next((name for name, (suffixes, _) in _READERS.items() if _has(Path(call.source), suffixes)), None)
    if found is None:
        known = [f"{suffixes[0]}" for suffixes, _ in _READERS.values()]
        msg = f"Expected an input whose name says its format, {listing(known)}, or a folder of such, got {call.source!r}."
        raise UsageError(msg)
    reader = _READERS[found][1]
    if found != "csv" and (call.dtypes or call.nulls or call.separator != ","):
        msg = f"Dtypes, missing texts and separators are of CSV; {call.source!r} is {found}, which says its own. Leave them out."
        raise UsageError(msg)
    made = (
        partial(reader, dtypes=_dtypes(call.dtypes) or None, null_values=["", *call.nulls], separator=call.separator)
        if found == "csv"
        else reader
    )
    return cast(Source, made(call.source))


def _has(folder: Path, suffixes: Sequence[str]) -> bool:
    """Whether a folder, or one in it, has files with one of these suffixes."""
    return any(file.name.lower().endswith(tuple(suffixes)) for file in folder.rglob("*"))


def _dtypes(given: Sequence[str]) -> dict[str, Any]:
    """Return dtypes by column, of ``name=Dtype``."""
    known = {name for name in dir(nw) if isinstance(getattr(nw, name), type) and issubclass(getattr(nw, name), nw.dtypes.DType)}
    made = {}
    for text in given:
        name, _, dtype = text.rpartition("=")
        if not name or dtype not in known:
            msg = f"Expected NAME=DTYPE, as zip=String, got {text!r}.{nearest(dtype, known)}"
            raise UsageError(msg)
        made[name] = getattr(nw, dtype)
    return made


def _sink(call: PredictCall) -> Sink:
    """Return the sink of the output, by its suffix."""
    suffix = Path(call.output).suffix.lower()
    if suffix not in _SINKS:
        msg = f"Expected an output whose name ends in {listing(list(_SINKS))}, got {call.output!r}."
        raise UsageError(msg)
    return cast(Sink, _SINKS[suffix](call.output, overwrite=call.overwrite))
