"""Learns classes from partial labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gpupipe.active._arrays import on_host
from gpupipe.active.hierarchy import LabelHierarchy
from gpupipe.active.partial.classifier import PartialLabelClassifier
from gpupipe.core.answers import answers
from gpupipe.core.columns import Columns, chosen, given_columns
from gpupipe.core.errors import ArtefactError, UsageError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.stages.active._partial_model import ScoredByPartial
from gpupipe.stages.active._sets import EXAMPLE, POSSIBLE, possible_of, require_labels


@dataclass(frozen=True, eq=False, repr=False)
class PartialModel(Holding):
    """A classifier that learned from partial labels.

    Parameters
    ----------
    features, classes
        The columns that it sees, and the classes, in the order of its weights.
    weights
        For each layer a matrix and a row of constants.
    n_exact, n_partial
        How many rows of a known class it learned from, and how many of which something is known.
    """

    word: ClassVar[str] = "classifier"

    features: tuple[str, ...]
    classes: tuple[str, ...]
    weights: tuple[Any, ...]
    n_exact: int
    n_partial: int

    @answers(Table, by_row=True)
    def predict_proba(self, name: str = "probability") -> ScoredByPartial:
        """Return the table with a column for each class, ``probability_<class>``."""
        return ScoredByPartial(self, name, likeliest=False)

    @answers(Table, by_row=True)
    def predict(self, name: str = "prediction") -> ScoredByPartial:
        """Return the table with the likeliest class, in ``prediction``."""
        return ScoredByPartial(self, name, likeliest=True)

    def check(self) -> None:
        """Raise ArtefactError unless weights fit features, classes and one another."""
        arrays = len(self.weights) >= 2 and len(self.weights) % 2 == 0
        arrays = arrays and all(isinstance(one, np.ndarray) and one.dtype == np.float32 for one in self.weights)
        shapes = [one.shape for one in self.weights] if arrays else []
        sound = arrays and all(len(shape) == 2 - number % 2 for number, shape in enumerate(shapes))
        sound = sound and shapes[0][0] == len(self.features) and shapes[-1][0] == len(self.classes) > 1
        sound = sound and all(shapes[at][1] == shapes[at + 1][0] for at in range(0, len(shapes), 2))
        sound = sound and all(shapes[at - 1][0] == shapes[at][0] for at in range(2, len(shapes), 2))
        if not sound or not all(bool(np.isfinite(one).all()) for one in self.weights):
            raise ArtefactError("Expected layers of finite weights that fit one another, got others. Save what was fitted again.")

    def describe(self) -> Mapping[str, Any]:
        """Return how large it is and what it learned from."""
        widths = ", ".join(str(len(one)) for one in self.weights[1::2])
        facts = {"classes": len(self.classes), "features": len(self.features), "layers": widths}
        return {"facts": {**facts, "rows of a known class": self.n_exact, "rows of which something is known": self.n_partial}}


@dataclass(frozen=True, init=False)
class LearnPartial(TaskStage):
    """Trains a linear or a layered classifier on rows whose class is known, or known to be one of some; what it fits answers.

    ``model = LearnPartial(hierarchy).fit(pool, labels)``, where `labels` is what ``gp.ReadLabels(store).node()`` gives;
    ``model.predict_proba(table)`` appends ``probability_<class>``, ``model.predict(table)`` appends ``prediction``. The loss is that of
    `gpupipe.active.partial.partial_loss`; rows of which nothing is known teach nothing.

    Parameters
    ----------
    classes
        A `LabelHierarchy`, or the classes.
    features
        The columns to learn from; all numbers of the table but the id unless given.
    id
        The column of ids, which is ``example_id`` of the labels.
    hidden
        The widths of hidden layers; none for a linear model.
    epochs, least_steps, batch, rate, decay, seed
        See `gpupipe.active.partial.PartialLabelClassifier`.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"id": ["a", "b", "c", "d"], "x": [0.0, 0.1, 1.0, 1.1]})
    >>> labels = pl.DataFrame({"example_id": ["a", "c"], "possible": [["no"], ["yes"]]})
    >>> model = LearnPartial(["no", "yes"], hidden=(), rate=0.1).apply(rows, labels)
    >>> model.predict().apply(rows)["prediction"].to_list()
    ['no', 'no', 'yes', 'yes']
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = PartialModel

    classes: tuple[str, ...]
    features: tuple[str, ...] | Columns | None
    id: str
    options: tuple[tuple[str, Any], ...]

    def __init__(
        self,
        classes: LabelHierarchy | Sequence[str],
        *,
        features: str | Sequence[str] | Columns | None = None,
        id: str = "id",
        hidden: Sequence[int] = (256,),
        epochs: int = 30,
        least_steps: int = 600,
        batch: int = 200,
        rate: float = 1e-3,
        decay: float = 1e-2,
        seed: int = 0,
    ) -> None:
        names = classes.classes if isinstance(classes, LabelHierarchy) else tuple(classes)
        if len(names) < 2 or len(set(names)) < len(names) or isinstance(classes, str):
            raise UsageError(f"LearnPartial expects a LabelHierarchy, or two classes or more, each once, got {classes!r}.")
        features = None if features is None else given_columns(features, "LearnPartial's features")
        options = {"epochs": epochs, "least_steps": least_steps, "batch": batch, "rate": rate, "decay": decay, "seed": seed}
        PartialLabelClassifier(hidden, **options)  # type: ignore[arg-type]  # which looks at them
        settle(self, classes=names, features=features, id=id, options=(("hidden", tuple(hidden)), *options.items()))

    def chosen(self, schema: Schema) -> tuple[str, ...]:
        """Return the features among a table's columns."""
        if self.features is not None:
            return chosen(self.features, schema)
        return tuple(name for name, field in schema.items() if name != self.id and field.dtype.is_numeric())

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the id and the features, and of the labels what is possible."""
        return [[self.id, *self.chosen(schemas[0])], [EXAMPLE, POSSIBLE]]

    def plan(self, *specs: Any) -> PartialModel:
        """Return a model that has learned nothing.

        Raise ColumnError for a column that is not there, DtypeError for a feature that is no number.
        """
        specs[0].require([self.id])
        specs[0].require_numeric(self.chosen(specs[0]), "LearnPartial")
        require_labels(specs[1], specs[0], self.id, "LearnPartial")
        widths = [len(self.chosen(specs[0])), *dict(self.options)["hidden"], len(self.classes)]
        weights: list[Any] = []
        for inside, outside in zip(widths[:-1], widths[1:], strict=True):  # noqa: RUF007
            weights += [np.zeros((inside, outside), np.float32), np.zeros(outside, np.float32)]
        return PartialModel(self.chosen(specs[0]), self.classes, tuple(weights), 0, 0)

    def solve(self, tools: Tools, *inputs: Any) -> PartialModel:
        """Return the model; rows are taken in the order of their ids, so that any other order gives the same."""
        rows = inputs[0].sort(self.id)
        features = tuple(name for name in rows.columns if name != self.id)
        possible = possible_of(rows, self.id, inputs[1], self.classes, "LearnPartial")
        counts = possible.sum(axis=1)
        touched = np.flatnonzero(counts < len(self.classes))
        kept = rows[touched.tolist()]
        values = np.stack([np.asarray(on_host(tools.array(kept, name)), np.float32) for name in features], axis=1)
        options = dict(self.options)
        model = PartialLabelClassifier(options.pop("hidden"), **options).fit(values, possible[touched])
        return PartialModel(features, self.classes, tuple(model.weights), int((counts == 1).sum()), len(touched))
