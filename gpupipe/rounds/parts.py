"""What a pipeline must have for rounds: a sink that asks, a table with the truth, a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from gpupipe.core.errors import ColumnError, UsageError, listing, nearest
from gpupipe.core.holding import Holding
from gpupipe.core.node import Node, Table
from gpupipe.core.stage import RowStage
from gpupipe.definition import Definition
from gpupipe.pipeline import Pipeline
from gpupipe.plan import Step
from gpupipe.sinks.ask_questions import AskQuestions
from gpupipe.sources.read_labels import ReadLabels
from gpupipe.stages.select import Select

NEEDED = ("store", "strategy", "seed")  # parameters that tell arms of a comparison apart
BEFORE = "before"  # the parameter of a pipeline that goes on from what the round before has fitted: a folder for gp.load
SAMPLE = "sample"  # the output whose predictions tell whether models still change


def require_parameters(definition: Definition, given: Sequence[str] = ()) -> None:
    """Raise UsageError for a pipeline whose arms cannot be told apart, or where one of the parameters that do so is given for all."""
    own = next((name for name in (*NEEDED, BEFORE) if any(one.partition("=")[0] == name for one in given)), None)
    if own is not None:
        msg = f"Rounds give each arm a {own!r} of its own, got one for all of them."
        raise UsageError(f"{msg} Leave it out; --strategy, --seeds and --out say which arms there are, and where they are kept.")
    known = [parameter.name for parameter in definition.parameters]
    lacking = [name for name in NEEDED if name not in known]
    if lacking:
        msg = f"Rounds expect parameters {listing(NEEDED)} of {definition.shown}, and there is no {listing(lacking)}."
        text = "where its labels are kept, by what it chooses ('random' too), and the seed of what is random"
        raise UsageError(f"{msg} They say {text}: def pipeline(store: str, strategy: str = 'margin', seed: int = 0)")


def goes_on(definition: Definition) -> bool:
    """Whether a pipeline asks for what the round before has fitted, by its parameter ``before``."""
    return any(parameter.name == BEFORE for parameter in definition.parameters)


def fitted_of(outputs: Mapping[str, Any]) -> Any:
    """Return what a round has fitted; None where it has fitted nothing.

    Raises
    ------
    UsageError
        There are several outputs, and nobody knows which to go on from.
    """
    found = {name: value for name, value in outputs.items() if isinstance(value, RowStage | Holding)}
    if len(found) > 1:
        msg = f"Rounds of a pipeline with the parameter {BEFORE!r} go on from the one output that is fitted, got {listing(found)}."
        raise UsageError(f"{msg} Leave the others out.")
    return next(iter(found.values()), None)


def asking_node(pipeline: Pipeline) -> tuple[str, Node]:
    """Return the output that asks, and its node.

    Raises
    ------
    UsageError
        There is none, or more than one.
    """
    found = [(name, node) for name, node in pipeline.outputs.items() if isinstance(node.stage, AskQuestions)]
    if len(found) != 1:
        msg = f"Rounds expect one output of pipeline {pipeline.name!r} that asks, gp.AskQuestions(store)(chosen), got {len(found)}."
        raise UsageError(f"{msg} Its outputs are {listing(pipeline.outputs)}.")
    return found[0]


def truth_of(pipeline: Pipeline, column: str, engine: str) -> dict[Any, Any]:
    """Return the true label of each example, by its key: of the table nearest to the choice that has both and is made of sources alone.

    Raises
    ------
    ColumnError
        No such table has the column.
    """
    _, node = asking_node(pipeline)
    key = node.stage.key  # type: ignore[attr-defined]
    steps = pipeline.plan().steps
    place = next(step.inputs[0] for step in steps if step.node is node)
    chosen: Table | None = None
    names: set[str] = set()
    while chosen is None and steps[place].tables:  # up the line of tables that the questions are chosen of
        place = steps[place].tables[0]
        if _is_plain(steps, place):
            names |= set(steps[place].schema or ())
            found = steps[place].node
            chosen = found if isinstance(found, Table) and {key, column} <= set(steps[place].schema or ()) else None
    if chosen is None:
        known = sorted(names)
        msg = f"No table before the choice has the oracle's column {column!r} beside the key {key!r}.{nearest(column, known)}"
        raise ColumnError(f"{msg} Its columns are {listing(known)}. Keep the truth in the pool; the model need not see it.")
    table = Pipeline("truth", truth=Select(key, column)(chosen)).run(engine)["truth"]
    return dict(zip(table[key].to_list(), table[column].to_list(), strict=True))


def _is_plain(steps: Sequence[Step], place: int) -> bool:
    """Whether a step gives a table that is made of sources alone, and of none of a label store."""
    step = steps[place]
    plain = step.schema is not None and step.stage.kind in ("source", "row", "key", "table") and not isinstance(step.stage, ReadLabels)
    return plain and all(_is_plain(steps, each) for each in step.inputs)


def metric_of(outputs: Mapping[str, Any], name: str | None) -> float | None:
    """Return a metric among a run's outputs: a number, or one in a mapping of numbers; the first one unless named. None in a first round.

    Examples
    --------
    >>> metric_of({"asked": {"round": 0}, "scores": {"accuracy": 0.5, "f1": 0.4}}, "f1")
    0.4
    """
    found: dict[str, float] = {}
    for output, value in outputs.items():
        if isinstance(value, Real) and not isinstance(value, bool):
            found[output] = float(value)
        if isinstance(value, Mapping) and "waiting" not in value:  # which is what a sink that asks tells
            found |= {str(one): float(number) for one, number in value.items() if isinstance(number, Real)}
    if name is None:
        return next(iter(found.values()), None)
    if found and name not in found:
        raise UsageError(f"There is no metric {name!r} among the outputs.{nearest(name, found)} There are {listing(found)}.")
    return found.get(name)


def predictions_of(outputs: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the predictions of the output ``sample``, a table of a key and ``prediction``; None where there is no such output."""
    table = outputs.get(SAMPLE)
    if table is None:
        return None
    if "prediction" not in table.columns or len(table.columns) != 2:
        msg = f"Expected the output {SAMPLE!r} to have a key and 'prediction', got {listing(table.columns)}."
        raise UsageError(f"{msg} Make it so: gp.Select('id', 'prediction')(model.predict(gp.Sample(n_rows=500)(pool)))")
    key = next(name for name in table.columns if name != "prediction")
    return {str(one): str(told) for one, told in zip(table[key].to_list(), table["prediction"].to_list(), strict=True)}
