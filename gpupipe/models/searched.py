"""What a search has found: its trials, and the model with the best parameters."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.answers import answers
from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import ArtefactError, WiringError
from gpupipe.core.holding import Holding
from gpupipe.core.metrics import SMALLER_IS_BETTER
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.models.learn import Learn, Learned

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.want import Want

_DTYPES: Mapping[str, Any] = {"Boolean": nw.Boolean(), "Int64": nw.Int64(), "Float64": nw.Float64(), "String": nw.String()}
_SHOWN = 20  # trials in the report


@dataclass(frozen=True, eq=False, repr=False)
class Searched(Holding):
    """The trials of a search.

    Parameters
    ----------
    metric
        What they were measured by.
    kinds
        The parameters that were searched, with the dtype of each in the table of trials.
    parameters
        Of each trial, its parameters.
    scores
        [n_trials, n_folds]
    """

    word: ClassVar[str] = "search"

    metric: str
    kinds: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[tuple[str, Any], ...], ...]
    scores: Any

    @property
    def order(self) -> list[int]:
        """The trials, the best first; of equal ones, the one that was tried first."""
        means = np.asarray(self.scores).mean(axis=1)
        means = means if self.metric in SMALLER_IS_BETTER else -means
        return [int(number) for number in np.argsort(np.where(np.isnan(means), np.inf, means), kind="stable")]

    @property
    def best(self) -> dict[str, Any]:
        """The parameters of the best trial."""
        return dict(self.parameters[self.order[0]])

    @property
    def score(self) -> float:
        """The mean over the folds of the best trial's scores."""
        return float(np.asarray(self.scores)[self.order[0]].mean())

    @answers(gives=Table)
    def trials(self) -> Trials:
        """Return the table of trials, the best first: ``param_<name>``, ``score``, ``score_std``, ``score_0``, ... for each fold."""
        return Trials(self)

    def check(self) -> None:
        """Raise ArtefactError where a file has other than a row of scores for each trial."""
        sound = isinstance(self.scores, np.ndarray) and self.scores.ndim == 2 and self.scores.dtype.kind == "f"
        names = [name for name, _ in self.kinds]
        if not sound or len(self.scores) != len(self.parameters) or any([name for name, _ in one] != names for one in self.parameters):
            raise ArtefactError("Expected the scores of each trial of a search, and its parameters. Save it again.")
        if any(kind not in _DTYPES for _, kind in self.kinds):
            raise ArtefactError(f"Expected dtypes of parameters, one of {list(_DTYPES)}. Save it again.")

    def describe(self) -> Mapping[str, Any]:
        """Return the best trial, and the best ones as a table."""
        means, names = np.asarray(self.scores).mean(axis=1), [name for name, _ in self.kinds]
        rows = [[*(_shown(value) for _, value in self.parameters[at]), float(means[at])] for at in self.order[:_SHOWN]]
        running = [float(value) for value in (np.minimum if self.metric in SMALLER_IS_BETTER else np.maximum).accumulate(means)]
        curve = {"label": "best so far", "x": list(range(1, len(running) + 1)), "y": running}
        each = {"label": "trial", "x": curve["x"], "y": [float(mean) for mean in means]}
        parts = [
            {"kind": "table", "title": f"The best of {len(means)} trials", "columns": [*names, self.metric], "rows": rows},
            {"kind": "lines", "title": "Trials", "x": "trial", "y": self.metric, "curves": [each, curve]},
        ]
        told = ", ".join(f"{name}={_shown(value)}" for name, value in self.best.items())
        return {"facts": {"best": told, self.metric: self.score}, "cards": [{"title": "Search", "section": "Validation", "parts": parts}]}


def _shown(value: Any) -> Any:
    """Return a parameter as a table shows it."""
    return value if isinstance(value, bool | int | float | str) else repr(value)


def kinds_of(space: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the dtype that each parameter of a space has in the table of trials, in alphabetical order.

    Examples
    --------
    >>> kinds_of({"depth": [2, 3], "eta": (0.1, 1.0), "kind": ["a", None], "a": [1, 0.5]})
    (('a', 'Float64'), ('depth', 'Int64'), ('eta', 'Float64'), ('kind', 'String'))
    """
    return tuple((name, _kind(values)) for name, values in sorted(space.items()))


def _kind(values: Any) -> str:
    """Return the dtype of what a parameter may be."""
    some = values if isinstance(values, list) else list(values[:2]) if isinstance(values, tuple) else []
    kinds = {type(value) for value in some}
    if kinds == {bool}:
        return "Boolean"
    if kinds == {int}:
        return "Int64"
    return "Float64" if kinds and kinds <= {int, float} else "String"


@dataclass(frozen=True, eq=False)
class Trials(TaskStage):
    """Makes the table of a search's trials."""

    takes: ClassVar[tuple[type[Node], ...]] = ()

    search: Searched

    def plan(self, *specs: Any) -> Schema:
        """Return the columns."""
        parameters = {f"param_{name}": _DTYPES[kind] for name, kind in self.search.kinds}
        scores = dict.fromkeys(["score", "score_std", *(f"score_{fold}" for fold in range(np.shape(self.search.scores)[1]))], nw.Float64())
        return Schema.of_names({**parameters, **scores})

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the trials, the best first."""
        order, scores = self.search.order, np.asarray(self.search.scores)
        made: dict[str, Any] = {}
        for place, (name, kind) in enumerate(self.search.kinds):
            values = [self.search.parameters[at][place][1] for at in order]
            made[f"param_{name}"] = pa.array(_told(values), pa.string()) if kind == "String" else pa.array(values, _ARROW[kind])
        made |= {"score": scores.mean(axis=1)[order], "score_std": scores.std(axis=1)[order]}
        made |= {f"score_{fold}": scores[order, fold] for fold in range(scores.shape[1])}
        frame: nw.DataFrame[Any] = tools.adopted(pa.table(made))
        return frame


_ARROW: Mapping[str, pa.DataType] = {"Boolean": pa.bool_(), "Int64": pa.int64(), "Float64": pa.float64()}


def _told(values: Sequence[Any]) -> list[str | None]:
    """Return parameters as text; None is missing."""
    return [value if value is None or isinstance(value, str) else repr(value) for value in values]


def with_estimator(learn: Learn, estimator: Any) -> Learn:
    """Return the training of another estimator on the same columns."""
    made = copy.copy(learn)
    settle(made, estimator=estimator)
    return made


@dataclass(frozen=True, eq=False)
class BestModel(Barrier):
    """Trains an estimator with the parameters that a search found best; its first input is the search."""

    kind: ClassVar[str] = "learner"
    takes: ClassVar[tuple[type[Node], ...]] = (Fitted, Table, Table)
    optional: ClassVar[int] = 1
    gives: ClassVar[type[Node]] = Fitted
    minds_order: ClassVar[bool] = True

    learn: Learn

    @property
    def name(self) -> str:
        """The training's name."""
        return self.learn.name

    def __call__(self, *tables: Table) -> Table:
        """Raise WiringError: a model is trained first."""
        raise WiringError(f"{self.name} is what search.model(train) gives; apply that: model.predict(table).")

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Return the node that applies one of the model's methods."""
        return self.learn.use(fitted, method, table)

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return what is learned from."""
        return (None, *self.learn.wants(*specs[1:]))

    def plan(self, *specs: Any) -> Learned:
        """Return a model that has learned nothing; raise where the estimator cannot be trained on the table."""
        return self.learn.plan(*specs[1:])

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Learned:
        """Return the trained model."""
        estimator = copy.deepcopy(self.learn.estimator).set_params(**results[0].best)
        return with_estimator(self.learn, estimator).conclude(engine, results[1:], progress)

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return what the report shows of the trained model."""
        return self.learn.describe(result)
