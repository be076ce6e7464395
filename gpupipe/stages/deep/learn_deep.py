"""Trains a network on the samples of a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.answers import answers
from gpupipe.core.errors import ArtefactError, PlanError, StageError, UsageError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.deep import History, Training
from gpupipe.deep.network import Network, n_parameters, options_of
from gpupipe.deep.savings import layers_part
from gpupipe.deep.supervised import LOSSES, Learnt, learn
from gpupipe.deep.training_settings import as_training
from gpupipe.deep.weights import Weights, as_parts
from gpupipe.kinds.tensor import Tensor, TensorData
from gpupipe.stages.deep._predicted import Confused, DeepScores, PredictedSamples, TopClasses
from gpupipe.stages.deep._samples import (
    as_classes,
    check_labels,
    check_same_dims,
    check_samples,
    classes_table,
    matched,
    numbers_of,
    samples_of,
)
from gpupipe.stages.deep._scores import confusion_part
from gpupipe.stages.deep._start import as_start, chosen_start, require_start, weights_of_start
from gpupipe.stages.tensors._model import PlannedLabels, planned_labels
from gpupipe.stages.tensors._pictures import on_host


@dataclass(frozen=True, eq=False, repr=False)
class FittedNetwork(Holding):
    """A trained network, with the labels of a sample's dimensions.

    Parameters
    ----------
    factory, options
        What makes the network, and with which options (JSON).
    names, weights
        Its weights and buffers.
    labels
        For each dimension but that of the samples, a frame of its labels.
    samples, place
        What the dimension of the samples is called, and which one it is.
    shape
        The shape of a sample as the network takes it; empty for the tensor's own.
    classes
        A frame of one column, the classes in ascending order; empty where the network gives numbers.
    classifies
        Whether it gives classes.
    figures, figure_names, best
        A row of figures for each epoch, their names, and the best epoch.
    confused
        [n_classes, n_classes] how many samples of each class were taken for which, of those for validation; empty where there are none.
    """

    word: ClassVar[str] = "network"

    factory: Any
    options: str
    names: tuple[str, ...]
    weights: tuple[Any, ...]
    labels: tuple[Any, ...]
    samples: str
    place: int
    shape: tuple[int, ...]
    classes: Any
    classifies: bool
    device: str
    figures: Any
    figure_names: tuple[str, ...]
    best: int
    confused: Any

    @cached_property
    def network(self) -> Any:
        """The network, for predictions."""
        return Network(self.factory, **options_of(self.options)).made_of(self.names, self.weights)

    @property
    def dims(self) -> tuple[tuple[str, Any], ...]:
        """The dimensions of a sample, with the dtypes of their labels."""
        return tuple((frame.columns[0], frame.schema[frame.columns[0]]) for frame in self.labels)

    @property
    def history(self) -> History:
        """The epochs of its training."""
        rows = [
            {name: value for name, value in zip(self.figure_names, row, strict=True) if not math.isnan(value)}
            for row in self.figures.tolist()
        ]
        return History([{**row, "epoch": int(row["epoch"])} for row in rows], self.best)

    @answers(Tensor)
    def predict(self) -> PredictedSamples:
        """Return a row for each sample: its label, the ``prediction`` and, of a class, its ``probability``."""
        return PredictedSamples(self)

    @answers(Tensor)
    def top(self, k: int = 5) -> TopClasses:
        """Return the `k` most probable classes of each sample, a row each: ``rank``, ``prediction``, ``probability``."""
        return TopClasses(self, k)

    @answers(Tensor, Table)
    def scores(self, target: str, top: Sequence[int] = (1, 5)) -> DeepScores:
        """Return the accuracy of samples whose class a table knows, or the errors of numbers: a row for each ``metric``."""
        return DeepScores(self, target, tuple(top))

    @answers(Tensor, Table)
    def confusion(self, target: str) -> Confused:
        """Return how many samples of each class were taken for which: ``actual``, ``prediction``, ``count``."""
        return Confused(self, target)

    def check(self) -> None:
        """Raise ArtefactError unless the weights are those of the network, and the other parts fit one another."""
        sound = all(isinstance(array, np.ndarray) for array in (*self.weights, self.figures, self.confused))
        sound = sound and len(self.names) == len(self.weights) and self.figures.ndim == 2
        sound = sound and self.figures.shape[1] == len(self.figure_names) and "epoch" in self.figure_names
        sound = sound and 0 <= self.place <= len(self.labels) and 0 < self.best <= len(self.figures)
        sound = sound and self.confused.shape in ((0, 0), (len(self.classes),) * 2) and len(self.classes.columns) == 1
        if not sound:
            raise ArtefactError("Expected a network's weights, and a row of figures an epoch, got others. Save what was fitted again.")
        try:
            self.network  # noqa: B018  (which is made here, and its weights looked through)
            self.describe()
        except (UsageError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArtefactError(f"What was saved of a network is damaged: {error}. Save what was fitted again.") from error

    def describe(self) -> Mapping[str, Any]:
        """Return what the network is, how it was trained, and what it confuses."""
        if not len(self.figures):
            return {"facts": {"network": Network(self.factory, **options_of(self.options)).name}}
        facts: dict[str, Any] = {"network": Network(self.factory).name, "parameters": n_parameters(self.network)}
        facts |= {"classes": len(self.classes)} if self.classifies else {}
        cards = [{"title": "Training", "parts": self.history.parts()}]
        if (saved := layers_part(self.network)) is not None:
            cards.append({"title": "Layers of few parameters", "parts": [saved]})
        if self.confused.size:
            title = "Samples for validation, by class and prediction"
            cards.append({"title": "Confusion matrix", "parts": [confusion_part(title, self.class_names, self.confused)]})
        return {"facts": {**facts, **self.history.facts()}, "cards": cards}

    @property
    def class_names(self) -> list[str]:
        """The classes as text."""
        return [str(value) for value in self.classes[self.classes.columns[0]].to_list()]


@dataclass(frozen=True, init=False)
class LearnDeep(TaskStage):
    """Trains a network on the samples of a tensor, with a table of what they are; what is fitted answers with tables.

    ``LearnDeep(Cnn, {"channels": 8}, samples="image", target="digit").fit(tensor, table)`` takes a tensor with the dimension ``image``, and
    a table with a row for each image whose digit is known. The network gets a batch of samples as float32, ``[batch, *shape]``. What is
    fitted answers ``predict(tensor)``, ``top(tensor, k=5)``, ``scores(tensor, table, target="digit")`` and ``confusion(tensor, table,
    target="digit")``; the report has its curves, and the confusion matrix of the samples for validation.

    ``LearnDeep(...).fit(tensor, table, before)`` goes on from what another one fitted, of the same samples: with its weights, its classes
    and the order of its labels; the optimiser begins anew. What an earlier run saved is ``gp.FromFitted(gp.load("folder")).node()``.

    Parameters
    ----------
    network
        A class of ``torch.nn.Module``, or a function that returns a module; never a module that is made.
    options
        What the network is made with: numbers, text, truth values and sequences of them.
    samples
        The dimension of the samples, and the table's column of their labels.
    target
        The table's column of classes, of any dtype, or of numbers.
    loss
        ``"cross_entropy"`` for classes, of which the network gives a score each, in ascending order of the classes; ``"mse"``, ``"mae"``
        or ``"huber"`` for numbers, of which the network gives one for each sample; or a function of outputs and targets.
    classes
        Whether the target is a class; as the loss says, unless it is a function. Or all classes that there can be, where the table may not
        have each.
    shape
        The shape of a sample as the network takes it, such as ``(1, 28, 28)``; the tensor's own unless said.
    validation
        The share of samples, drawn by the training's seed, that tells the best epoch and is not learnt from; 0 for none.
    augment
        A function from a batch of samples to one of the same shape, for learning alone; it draws from torch's own generator.
    start
        What the training begins with in the place of weights drawn by chance: what another `LearnDeep` fitted (as ``before`` above), or
        weights alone, by name as in ``network.state_dict()``: a mapping of arrays or tensors, or the path of a ``.safetensors`` file.
    anew
        Parts of the network that are drawn by chance all the same, by name: ``"head"``, for other classes than before. All others must be
        there, and of the same shape.
    training
        How it is trained, see `gpupipe.deep.Training`.

    Examples
    --------
    >>> import polars as pl
    >>> from torch import nn
    >>> from gpupipe import ToTensor
    >>> twice = [s for s in range(40) for _ in "ab"]
    >>> cells = pl.DataFrame({"s": twice, "x": ["a", "b"] * 40, "v": [s % 2 * 1.0 for s in twice]})
    >>> tensor = ToTensor(["s", "x"], "v").apply(cells)
    >>> known = pl.DataFrame({"s": range(40), "kind": ["even", "odd"] * 20})
    >>> learn = LearnDeep(
    ...     nn.Linear, {"in_features": 2, "out_features": 2}, samples="s", target="kind", training=Training(30, 8, 0.1, device="cpu")
    ... )
    >>> learn.apply(tensor, known).predict().apply(tensor)["prediction"].to_list()[:3]
    ['even', 'odd', 'even']
    >>> learn.apply(tensor, known.head(8), learn.apply(tensor, known)).describe()["facts"]["classes"]
    2
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor, Table, Fitted)
    optional: ClassVar[int] = 1
    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = FittedNetwork

    network: Network
    samples: str
    target: str
    loss: str | Callable[..., Any]
    classes: bool
    named: tuple[Any, ...]
    shape: tuple[int, ...]
    validation: float
    augment: Callable[..., Any] | None
    start: FittedNetwork | Weights | None
    anew: tuple[str, ...]
    training: Training

    def __init__(
        self,
        network: Callable[..., Any],
        options: Mapping[str, Any] | None = None,
        *,
        samples: str,
        target: str,
        loss: Literal["cross_entropy", "mse", "mae", "huber"] | Callable[..., Any] = "cross_entropy",
        classes: bool | Sequence[Any] | None = None,
        shape: Sequence[int] = (),
        validation: float = 0.1,
        augment: Callable[..., Any] | None = None,
        start: FittedNetwork | Mapping[str, Any] | str | Path | None = None,
        anew: str | Sequence[str] = (),
        training: Training | None = None,
    ) -> None:
        if not callable(loss) and loss not in LOSSES:
            raise UsageError(f"LearnDeep's loss must be one of {', '.join(map(repr, LOSSES))}, or a function, got {loss!r}.")
        if not 0 <= validation < 1:
            raise UsageError(f"LearnDeep's validation is a share of the samples, from 0 to below 1, got {validation!r}.")
        how = as_training(training, "LearnDeep")
        if how.patience is not None and not validation:
            raise UsageError("A training with patience needs samples for validation: give LearnDeep a share, validation=0.1.")
        named = () if classes is None or isinstance(classes, bool) else as_classes(classes, "LearnDeep")
        classifies = bool(named) or (loss == "cross_entropy" if classes is None else bool(classes))
        parts = as_parts(anew, "LearnDeep")
        settle(self, network=Network.of(network, options), samples=samples, target=target, loss=loss, classes=classifies, named=named)
        settle(self, shape=tuple(shape), validation=float(validation), augment=augment, training=how)
        settle(self, start=as_start(start, FittedNetwork, "LearnDeep"), anew=parts)

    @property
    def refers_to(self) -> Sequence[Callable[..., Any]]:
        """What makes the network."""
        return [self.network.factory]

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the samples' label and the target."""
        return [[self.samples, self.target]]

    def plan(self, *specs: Any) -> FittedNetwork:
        """Return the network fitted to nothing; raise where it cannot be made, or the inputs do not go together."""
        spec, schema = specs[:2]
        check_samples(spec, self.samples, self.name)
        check_labels(spec, schema, (self.samples, self.target), self.name)
        if not self.classes:
            schema.require_numeric([self.target], f"{self.name}'s target")
        place = spec.names.index(self.samples)
        labels = tuple(held for at, held in enumerate(planned_labels(spec)) if at != place)
        dtype = nw.String() if isinstance(schema[self.target].dtype, nw.Categorical) else schema[self.target].dtype
        start = chosen_start(self.start, specs, 2, self.anew, FittedNetwork, self.name)
        require_start(start, self.network.make(self.training.seed), self.anew, self.name)
        if self._keeps(start):
            self._require_same(start, spec, dtype)
        if self.named:
            classes_table(self.named, self.target, dtype, self.name)
        return self._kept(Learnt((), (), History(), np.zeros((0, 0), np.int64), 0, 0), labels, place, PlannedLabels(self.target, dtype))

    def solve(self, tools: Tools, *inputs: Any) -> FittedNetwork:
        """Return the trained network."""
        tensor, frame = inputs[:2]
        start = chosen_start(self.start, inputs, 2, self.anew, FittedNetwork, self.name)
        start = start.adopted(tools) if isinstance(start, FittedNetwork) else start
        known = start if self._keeps(start) else None
        at, classes, targets = self._targets(tools, tensor, frame, known)
        labels = () if known is None else known.labels
        values = samples_of(tools, tensor, self.samples, self.shape, self.name, labels)[tools.xp.asarray(at)]
        made = learn(
            self.network,
            values,
            targets,
            loss=self.loss,
            n_classes=len(classes) if self.classes else None,
            validation=self.validation,
            augment=self.augment,
            training=self.training,
            start=weights_of_start(start),
            anew=self.anew,
            progress=tools.progress,
        )
        place = tensor.dims.index(self.samples)
        tools.note(samples=made.n_learnt, validated=made.n_validated, without_target=tensor.shape[place] - len(at))
        labels = labels or tuple(held for number, held in enumerate(tensor.labels) if number != place)
        return self._kept(made, labels, place, classes)

    def _keeps(self, start: Any) -> bool:
        """Whether classes and labels are those of what it goes on from, as its last layer has them."""
        return isinstance(start, FittedNetwork) and not self.anew

    def _require_same(self, start: FittedNetwork, spec: Any, dtype: Any) -> None:
        """Raise unless the tensor's dimensions and the classes may be those of what it goes on from."""
        check_same_dims(spec, self.samples, start.place, start.dims, self.name)
        if self.named:
            raise UsageError(
                f"{self.name}'s classes are those of the network that it goes on from. Name none, or draw its last layer anew."
            )
        if start.classifies != self.classes:
            told = ["classes" if one else "numbers" for one in (start.classifies, self.classes)]
            msg = f"{self.name} goes on from a network of {told[0]}, and learns {told[1]}"
            raise PlanError(f"{msg}. Say which part is to be drawn anew: anew=('head',).")
        theirs = start.classes.schema[start.classes.columns[0]]
        if self.classes and theirs != dtype:
            raise PlanError(f"{self.name} goes on from a network of classes of {theirs}, got {dtype} in {self.target!r}. Cast them.")

    def _targets(self, tools: Tools, tensor: TensorData, frame: nw.DataFrame[Any], known: FittedNetwork | None) -> tuple[Any, Any, Any]:
        """Return the places of the samples that have a target, the classes, and the targets."""
        category = isinstance(frame.schema[self.target], nw.Categorical)
        frame = frame.with_columns(nw.col(self.target).cast(nw.String)) if category else frame
        labels = tensor.labels[tensor.dims.index(self.samples)]
        at, rows = matched(tools, labels, frame, (self.samples, self.target), self.name)
        if self.classes:
            told, classes = f"{self.name} expects classes of the network that it goes on from", known and known.classes
            if self.named:
                table = tools.adopted(classes_table(self.named, self.target, frame.schema[self.target], self.name))
                told, classes = f"{self.name} expects the classes that are named", tools.coded((table, [self.target])).keys
            return at, *numbers_of(tools, classes, rows, self.target, told)
        numbers = on_host(tools.array(rows, self.target)).astype(np.float32)
        if n_others := int((~np.isfinite(numbers)).sum()):
            msg = f"{self.name} expects finite numbers in {self.target!r}, got {n_others} that are NaN or infinite."
            raise StageError(f"{msg} Make them null, so that their samples are left out, or fill them.")
        return at, rows[:0].select(self.target), numbers

    def _kept(self, made: Learnt, labels: Any, place: int, classes: Any) -> FittedNetwork:
        """Return the network as it is held."""
        history = made.history
        names = history.names or ("epoch",)
        figures = np.array([[float(row.get(name, np.nan)) for name in names] for row in history.epochs]).reshape(-1, len(names))
        return FittedNetwork(
            factory=self.network.factory,
            options=self.network.options_text,
            names=made.names,
            weights=made.weights,
            labels=labels,
            samples=self.samples,
            place=place,
            shape=self.shape,
            classes=classes,
            classifies=self.classes,
            device=self.training.device,
            figures=figures,
            figure_names=names,
            best=history.best,
            confused=made.confused,
        )
