"""Pipelines: named outputs, and what one can do with them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import UsageError, WiringError, listing, nearest
from gpupipe.core.holding import Holding
from gpupipe.core.node import Node, ordered
from gpupipe.core.secret import learn_parameters
from gpupipe.engines.load import known_engine, load_engine
from gpupipe.notebook import ended, pipeline_html, telling
from gpupipe.plan import Plan, check_nodes, make_plan
from gpupipe.portability import require_portable
from gpupipe.report.html import outputs_html
from gpupipe.report.result_sections import output_text
from gpupipe.report.run_report import RunReport
from gpupipe.run import Execution, Tell

_HEAD_ROWS, _MOST_SIGNS = 5, 80  # of a table, and of a cell, in a notebook


class Pipeline:
    """A graph of nodes with named outputs. It never changes; running it twice does the work twice.

    Parameters
    ----------
    name
        What reports call it.
    outputs
        The nodes whose results the run gives: tables, fitted stages, values, sinks. By keyword, or as mappings; a mapping of nodes under
        one name gives a mapping of their results.

    Raises
    ------
    WiringError
        Where an output is no node, two outputs have one name, or nodes form a cycle.

    Examples
    --------
    >>> import polars as pl, narwhals.stable.v2 as nw, gpupipe as gp
    >>> table = gp.FromFrame(pl.DataFrame({"a": [1, 2]})).node()
    >>> gp.Pipeline("sum", total=gp.Scalar(nw.col("a").sum())(table)).run()["total"]
    3
    """

    def __init__(self, name: str = "", *outputs: Mapping[str, Any], **more: Any) -> None:
        if not isinstance(name, str) or not name:
            msg = f"Pipeline expects a name first, got {name!r}: Pipeline('mortgage', model=model)."
            raise UsageError(msg)
        whole: dict[str, Any] = {}
        strange = [type(given).__name__ for given in outputs if not isinstance(given, Mapping)]
        if strange:
            msg = f"Pipeline expects its outputs by keyword, or as mappings, got {listing(strange)}: Pipeline({name!r}, model=model)."
            raise UsageError(msg)
        for given in (*outputs, more):
            for output, node in given.items():
                if output in whole:
                    msg = f"Two outputs are called {output!r}. Give one of them another name."
                    raise WiringError(msg)
                whole[output] = node
        whole = _flat(whole)
        for output, node in whole.items():
            if not isinstance(node, Node):
                several = isinstance(node, tuple) and all(isinstance(part, Node) for part in node)
                way = " Unpack it, and name each: train, test = ..." if several else ""
                msg = f"Output {output!r} must be a node of the pipeline, got {type(node).__name__}.{way}"
                raise WiringError(msg)
        if not whole:
            msg = "Pipeline expects at least one output, by keyword: Pipeline('mortgage', model=model)."
            raise UsageError(msg)
        ordered(whole)
        self.name = name
        self.outputs = whole

    def plan(self) -> Plan:
        """Return the plan: every stage checked on empty tables, and what each source will be read for."""
        return make_plan(self.name, self.outputs)

    def check(self, engine: str | None = None, *, allow_differences: bool = False) -> None:
        """Raise PlanError where a stage cannot take what reaches it; nothing is read but schemas.

        Parameters
        ----------
        engine
            Where given, also what this engine cannot do, or would answer otherwise than engine ``cpu``, is an error.
        allow_differences
            Whether other answers are taken.
        """
        if engine is None:
            check_nodes(self.outputs)
        else:
            require_portable(self.plan(), known_engine(engine), allow_differences=allow_differences)

    def run(
        self,
        engine: str = "auto",
        *,
        cluster: Any = None,
        options: EngineOptions | None = None,
        profile: bool = False,
        gather: bool = True,
        preview: bool = True,
        tell: Tell | None = None,
        file: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        checkpoints: str | None = None,
        resume: bool = False,
    ) -> Result:
        """Return the outputs, and the report of how they were made.

        Parameters
        ----------
        engine
            ``"auto"``, ``"cpu"``, ``"gpu"``, ``"pandas"``, ``"dask"``.
        cluster
            Where the workers are, for engines that have some: ``"local:4"``, ``"tcp://host:8786"``, or a Dask client or cluster.
        options
            What else is chosen of the engine; `cluster` goes before its own.
        profile
            Run stage by stage, without fusing them, so that each one's time and memory is known by itself; slower.
        gather
            Whether tables among the outputs are brought into this process from an engine's workers; their rows and columns are
            told either way.
        preview
            Whether the report shows the first rows of tables that are outputs or are written.
        tell
            Told of what happens as it happens: event, step, facts. Without it, a notebook shows a line below the cell.
        file, parameters
            Where the pipeline was defined and what it was called with, for the report.
        checkpoints
            A folder, or an address of fsspec's, in which results are kept as they are made; see docs/checkpoints.md.
        resume
            Whether results that are in the folder are taken from there; without a folder, it is ``.gpupipe/checkpoints``.

        Raises
        ------
        GpupipeError
            With the stage, the engine, and the line that wired it in the error's notes; the report so far is its ``report`` attribute.
        """
        started = time.perf_counter()
        learn_parameters(parameters or {})
        plan = self.plan()
        planned = time.perf_counter() - started
        wanted = options or EngineOptions()
        chosen = load_engine(engine, wanted if cluster is None else replace(wanted, cluster=cluster))
        require_portable(plan, chosen.name, allow_differences=wanted.allow_differences)
        execution = Execution(plan, chosen, tell or telling(self.name), profile, gather, preview, file, parameters or {})
        outputs: dict[str, Any] = {}
        failure: BaseException | None = None
        try:
            with execution.watch, ended(execution.tell):
                if checkpoints is not None or resume:
                    from gpupipe.checkpoints.keeper import Keeper  # local: a run without checkpoints needs no store, nor what loads models

                    execution.checkpoints = Keeper(checkpoints, plan, chosen.name, resume=resume)
                outputs = _nested(execution.run())
        except BaseException as error:
            failure = error
            raise
        finally:
            report = execution.close(plain_output(outputs), failure) | {"plan_seconds": planned, "output_stages": dict(plan.outputs)}
            if failure is not None:
                failure.report = report  # type: ignore[attr-defined]
        return Result(outputs, report)

    def _repr_svg_(self) -> str:
        """Return the drawing."""
        return self.plan()._repr_svg_()

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the drawing, and the outputs."""
        return pipeline_html(self.name, self.plan())

    def __repr__(self) -> str:
        return f"<Pipeline {self.name!r}: {len(ordered(self.outputs))} nodes, outputs {listing(self.outputs)}>"

    def __str__(self) -> str:
        return str(self.plan())


def _flat(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs with those inside mappings under dotted names."""
    flat: dict[str, Any] = {}
    for name, given in outputs.items():
        if "." in name:
            msg = f"An output's name has no dot, got {name!r}."
            raise WiringError(msg)
        flat |= {f"{name}.{part}": node for part, node in given.items()} if isinstance(given, Mapping) else {name: given}
    return flat


def _nested(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return results under dotted names as mappings again."""
    nested: dict[str, Any] = {}
    for name, value in outputs.items():
        whole, _, part = name.partition(".")
        if part:
            nested.setdefault(whole, {})[part] = value
        else:
            nested[whole] = value
    return nested


class Result(Mapping[str, Any]):
    """The outputs of a run by name, and its report.

    Tables are eager narwhals frames (``.to_native()``, ``.to_arrow()``, ``.to_polars()``, ``.to_pandas()``), fitted stages are row stages
    (``.apply(frame)``, `gpupipe.save`), values are plain numbers and mappings. ``result.report`` holds the plain values of ``report.json``;
    ``result.report()`` writes them and the page into the folder ``report``. ``print(result)`` and a notebook show the first rows of
    each table.
    """

    def __init__(self, outputs: Mapping[str, Any], report: Mapping[str, Any]) -> None:
        self._outputs = dict(outputs)
        self.report = RunReport(report)

    def __getitem__(self, name: str) -> Any:
        if name not in self._outputs:
            msg = f"There is no output {name!r}.{nearest(name, self._outputs)} The outputs are {listing(self._outputs)}."
            raise KeyError(msg)
        return self._outputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)

    def __repr__(self) -> str:
        return f"<Result of {self.report['pipeline']!r} on {self.report['engine']!r}: {listing(self._outputs)}>"

    def __str__(self) -> str:
        """Return the outputs, of tables the first rows."""
        told = [repr(self)]
        for name, value in self._outputs.items():
            told.append(f"{name}: {_shown(name, value)['what']}")
            told += [str(value.head(_HEAD_ROWS).to_polars())] if isinstance(value, nw.DataFrame) else []
        return "\n".join(told)

    def _repr_html_(self) -> str:
        told = f"on {self.report['engine']}, {self.report['seconds']:.3g} s"
        return outputs_html(f"Result of {self.report['pipeline']}", told, [_shown(name, value) for name, value in self._outputs.items()])


def _shown(name: str, value: Any) -> dict[str, Any]:
    """Return an output as a notebook shows it: of a table the columns and the first rows."""
    if not isinstance(value, nw.DataFrame):
        return {"name": name, "what": output_text(plain_output(value)), "columns": ()}
    columns = [(column, str(dtype)) for column, dtype in value.schema.items()]
    rows = [["" if cell is None else str(cell)[:_MOST_SIGNS] for cell in row] for row in value.head(_HEAD_ROWS).rows()]
    return {"name": name, "what": f"{value.shape[0]:,} rows × {value.shape[1]} columns", "columns": columns, "rows": rows}


def plain_output(value: Any) -> Any:
    """Return an output as the report holds it: a value, or what is to be said of a table or a model."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain_output(part) for name, part in value.items()}
    if isinstance(value, Holding):
        return {"held": value.word, "told": value.headline, "path": None}
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and len(shape) == 2:
        return {"rows": int(shape[0]), "columns": int(shape[1]), "path": None}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return {"fitted": value.name, "path": None} if hasattr(value, "name") else str(value)
