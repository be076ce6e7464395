"""What a trained network says of the samples of a tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import PlanError, UsageError
from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.deep.supervised import confusion, outputs
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.deep._samples import check_labels, check_same_dims, matched, numbers_of, samples_of
from gpupipe.stages.deep._scores import accuracy, confusion_part, probabilities
from gpupipe.stages.tensors._pictures import on_host

PREDICTION, PROBABILITY = "prediction", "probability"


@dataclass(frozen=True)
class OfSamples(TaskStage):
    """An answer about the samples of a tensor."""

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)

    model: Any

    def outputs(self, tools: Tools, tensor: TensorData) -> Any:
        """Return what the network makes of each sample [n, n_outputs]."""
        model = self.model.adopted(tools)
        samples = samples_of(tools, tensor, model.samples, model.shape, self.name, model.labels)
        return outputs(model.network, samples, model.device, tools.xp)

    def check_tensor(self, spec: TensorSpec) -> None:
        """Raise PlanError for another tensor than one of such samples."""
        check_same_dims(spec, self.model.samples, self.model.place, self.model.dims, self.name)

    def class_dtype(self) -> Any:
        """Return the dtype of the classes, or of the numbers."""
        classes = self.model.classes
        return classes.schema[classes.columns[0]] if self.model.classifies else nw.Float64()

    def require_classes(self) -> None:
        """Raise PlanError where the network gives numbers."""
        if not self.model.classifies:
            raise PlanError(f"{self.name} is about classes, and this network gives numbers. Take scores, or predict.")

    def label(self, spec: TensorSpec) -> tuple[str, Field]:
        """Return the field of the samples' label; raise ColumnError where it is called like another column."""
        return self.model.samples, Field(spec.dims[self.model.place][1], nullable=False)

    def named(self, tools: Tools, numbers: Any, name: str) -> nw.DataFrame[Any]:
        """Return a frame of the classes of some numbers."""
        classes = self.model.adopted(tools).classes
        made: nw.DataFrame[Any] = classes[on_host(numbers)].rename({classes.columns[0]: name})
        return made


@dataclass(frozen=True)
class PredictedSamples(OfSamples):
    """Gives a row for each sample: its label, the prediction and, of a class, its probability."""

    def plan(self, *specs: Any) -> Schema:
        """Return the columns."""
        self.check_tensor(specs[0])
        made = {PREDICTION: Field(self.class_dtype(), nullable=False)}
        made |= {PROBABILITY: Field(nw.Float64(), nullable=False)} if self.model.classifies else {}
        return _beside(self.label(specs[0]), made, self.name)

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the predictions."""
        output, labels = self.outputs(tools, inputs[0]), inputs[0].labels[self.model.place]
        if not self.model.classifies:
            return tools.frame({PREDICTION: output[:, 0]}, beside=labels)
        probability = probabilities(output, tools.xp)
        beside = nw.concat([labels, self.named(tools, output.argmax(1), PREDICTION)], how="horizontal")
        return tools.frame({PROBABILITY: probability.max(axis=1)}, beside=beside)


@dataclass(frozen=True)
class TopClasses(OfSamples):
    """Gives the most probable classes of each sample, a row each."""

    k: int

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise UsageError(f"k is how many classes of each sample are told, a whole number from 1 on, got {self.k!r}.")

    def plan(self, *specs: Any) -> Schema:
        """Return the columns."""
        self.check_tensor(specs[0])
        self.require_classes()
        made = {"rank": Field(nw.Int64(), nullable=False), PREDICTION: Field(self.class_dtype(), nullable=False)}
        return _beside(self.label(specs[0]), {**made, PROBABILITY: Field(nw.Float64(), nullable=False)}, self.name)

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the classes."""
        output, labels = self.outputs(tools, inputs[0]), inputs[0].labels[self.model.place]
        probability = probabilities(output, tools.xp)
        best = tools.xp.argsort(-output, axis=1)[:, : self.k]
        n, k = best.shape
        ranked = tools.frame({"rank": tools.xp.tile(tools.xp.arange(1, k + 1), n)}, beside=labels[np.repeat(np.arange(n), k)])
        beside = nw.concat([ranked, self.named(tools, best.reshape(-1), PREDICTION)], how="horizontal")
        return tools.frame({PROBABILITY: tools.xp.take_along_axis(probability, best, axis=1).reshape(-1)}, beside=beside)


@dataclass(frozen=True)
class Compared(OfSamples):
    """An answer about samples whose class or number a table knows."""

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor, Table)

    target: str

    def columns(self, *schemas: Schema) -> list[list[str]]:
        """Return the samples' label and the target."""
        return [[self.model.samples, self.target]]

    def check_both(self, *specs: Any) -> None:
        """Raise PlanError for a tensor or a table that does not go with the fit."""
        self.check_tensor(specs[0])
        check_labels(specs[0], specs[1], (self.model.samples, self.target), self.name)
        dtype = specs[1][self.target].dtype
        if self.model.classifies and dtype != self.class_dtype() and not isinstance(dtype, nw.Categorical):
            raise PlanError(
                f"{self.name} expects classes of {self.class_dtype()} in {self.target!r}, as in the fit, got {dtype}. Cast them."
            )

    def known(self, tools: Tools, tensor: TensorData, frame: nw.DataFrame[Any]) -> tuple[Any, Any]:
        """Return the outputs, on the host, and the rows of the samples that the table knows."""
        at, rows = matched(tools, tensor.labels[self.model.place], frame, (self.model.samples, self.target), self.name)
        return on_host(self.outputs(tools, tensor))[at], rows

    def numbers(self, tools: Tools, rows: nw.DataFrame[Any]) -> Any:
        """Return the number of each row's class in the fit; raise StageError for a class that the fit has not seen."""
        model = self.model.adopted(tools)
        return numbers_of(tools, model.classes, rows, self.target, f"{self.name} expects classes that the fit has seen")[1]


@dataclass(frozen=True)
class DeepScores(Compared):
    """Gives the accuracy of classes, or the errors of numbers, a row for each metric."""

    top: tuple[int, ...]

    def plan(self, *specs: Any) -> Schema:
        """Return the columns."""
        self.check_both(*specs)
        if not self.model.classifies:
            specs[1].require_numeric([self.target], self.name)
        return Schema((("metric", Field(nw.String(), nullable=False)), ("value", Field(nw.Float64(), nullable=False))))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the scores."""
        output, rows = self.known(tools, *inputs)
        if self.model.classifies:
            actual = self.numbers(tools, rows)
            found = {"accuracy" if k == 1 else f"top-{k} accuracy": accuracy(output, actual, k) for k in self.top}
            counts = confusion(actual, output.argmax(1), output.shape[1])
            tools.show("Confusion matrix", confusion_part("Samples by class and prediction", self.model.class_names, counts))
        else:
            errors = output[:, 0] - on_host(tools.array(rows, self.target)).astype(np.float64)
            found = {"rmse": float(np.sqrt(np.mean(errors**2))), "mae": float(np.mean(np.abs(errors)))}
        tools.note(samples=len(rows), **{name: round(value, 6) for name, value in found.items()})
        table = pa.table({"metric": pa.array(list(found), pa.large_string()), "value": list(found.values())})
        made: nw.DataFrame[Any] = tools.adopted(table)
        return made


@dataclass(frozen=True)
class Confused(Compared):
    """Gives how many samples of each class were taken for which."""

    def plan(self, *specs: Any) -> Schema:
        """Return the columns."""
        self.check_both(*specs)
        self.require_classes()
        both = [(name, Field(self.class_dtype(), nullable=False)) for name in ("actual", PREDICTION)]
        return Schema((*both, ("count", Field(nw.Int64(), nullable=False))))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the counts that are not zero."""
        output, rows = self.known(tools, *inputs)
        counts = confusion(self.numbers(tools, rows), output.argmax(1), output.shape[1])
        actual, predicted = np.nonzero(counts)
        both = [self.named(tools, at, name) for name, at in (("actual", actual), (PREDICTION, predicted))]
        return tools.frame({"count": tools.xp.asarray(counts[actual, predicted])}, beside=nw.concat(both, how="horizontal"))


def _beside(label: tuple[str, Field], made: dict[str, Field], stage: str) -> Schema:
    """Return the label and other columns; raise PlanError where the label is called as one of them is."""
    if label[0] in made:
        raise PlanError(f"{stage} makes a column {label[0]!r}, and the samples are called so. Give the dimension another name.")
    return Schema((label, *made.items()))
