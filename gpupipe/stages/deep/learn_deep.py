"""Trains a network on the samples of a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.answers import answers
from gpupipe.core.errors import ArtefactError, StageError, UsageError
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
from gpupipe.kinds.tensor import Tensor, TensorData
from gpupipe.stages.deep._predicted import Confused, DeepScores, PredictedSamples, TopClasses
from gpupipe.stages.deep._samples import check_labels, check_samples, matched, samples_of
from gpupipe.stages.deep._scores import confusion_part
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
        Whether the target is a class; as the loss says, unless it is a function.
    shape
        The shape of a sample as the network takes it, such as ``(1, 28, 28)``; the tensor's own unless said.
    validation
        The share of samples, drawn by the training's seed, that tells the best epoch and is not learnt from; 0 for none.
    augment
        A function from a batch of samples to one of the same shape, for learning alone; it draws from torch's own generator.
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
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor, Table)
    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = FittedNetwork

    network: Network
    samples: str
    target: str
    loss: str | Callable[..., Any]
    classes: bool
    shape: tuple[int, ...]
    validation: float
    augment: Callable[..., Any] | None
    training: Training

    def __init__(
        self,
        network: Callable[..., Any],
        options: Mapping[str, Any] | None = None,
        *,
        samples: str,
        target: str,
        loss: Literal["cross_entropy", "mse", "mae", "huber"] | Callable[..., Any] = "cross_entropy",
        classes: bool | None = None,
        shape: Sequence[int] = (),
        validation: float = 0.1,
        augment: Callable[..., Any] | None = None,
        training: Training | None = None,
    ) -> None:
        if not callable(loss) and loss not in LOSSES:
            raise UsageError(f"LearnDeep's loss must be one of {', '.join(map(repr, LOSSES))}, or a function, got {loss!r}.")
        if not 0 <= validation < 1:
            raise UsageError(f"LearnDeep's validation is a share of the samples, from 0 to below 1, got {validation!r}.")
        how = as_training(training, "LearnDeep")
        if how.patience is not None and not validation:
            raise UsageError("A training with patience needs samples for validation: give LearnDeep a share, validation=0.1.")
        classifies = loss == "cross_entropy" if classes is None else classes
        settle(self, network=Network.of(network, options), samples=samples, target=target, loss=loss, classes=classifies)
        settle(self, shape=tuple(shape), validation=float(validation), augment=augment, training=how)

    @property
    def refers_to(self) -> Sequence[Callable[..., Any]]:
        """What makes the network."""
        return [self.network.factory]

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the samples' label and the target."""
        return [[self.samples, self.target]]

    def plan(self, *specs: Any) -> FittedNetwork:
        """Return the network fitted to nothing; raise where it cannot be made, or the tensor and the table do not go together."""
        spec, schema = specs
        check_samples(spec, self.samples, self.name)
        check_labels(spec, schema, (self.samples, self.target), self.name)
        if not self.classes:
            schema.require_numeric([self.target], f"{self.name}'s target")
        self.network.make(self.training.seed)
        place = spec.names.index(self.samples)
        labels = tuple(held for at, held in enumerate(planned_labels(spec)) if at != place)
        dtype = nw.String() if isinstance(schema[self.target].dtype, nw.Categorical) else schema[self.target].dtype
        return self._kept(Learnt((), (), History(), np.zeros((0, 0), np.int64), 0, 0), labels, place, PlannedLabels(self.target, dtype))

    def solve(self, tools: Tools, *inputs: Any) -> FittedNetwork:
        """Return the trained network."""
        tensor, frame = inputs
        at, classes, targets = self._targets(tools, tensor, frame)
        values = samples_of(tools, tensor, self.samples, self.shape, self.name)[tools.xp.asarray(at)]
        made = learn(
            self.network,
            values,
            targets,
            loss=self.loss,
            n_classes=len(classes) if self.classes else None,
            validation=self.validation,
            augment=self.augment,
            training=self.training,
            progress=tools.progress,
        )
        place = tensor.dims.index(self.samples)
        tools.note(samples=made.n_learnt, validated=made.n_validated, without_target=tensor.shape[place] - len(at))
        return self._kept(made, tuple(held for number, held in enumerate(tensor.labels) if number != place), place, classes)

    def _targets(self, tools: Tools, tensor: TensorData, frame: nw.DataFrame[Any]) -> tuple[Any, Any, Any]:
        """Return the places of the samples that have a target, the classes, and the targets."""
        category = isinstance(frame.schema[self.target], nw.Categorical)
        frame = frame.with_columns(nw.col(self.target).cast(nw.String)) if category else frame
        labels = tensor.labels[tensor.dims.index(self.samples)]
        at, rows = matched(tools, labels, frame, (self.samples, self.target), self.name)
        if self.classes:
            codes = tools.coded((rows, [self.target]))
            return at, codes.keys, on_host(codes.numbers[0]).astype(np.int64)
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
