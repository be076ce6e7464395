"""Regression of a number on a tensor: what both kinds have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.answers import answers
from gpupipe.core.errors import ArtefactError, ColumnError, DtypeError, PlanError, StageError, listing
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.tensors._factors import with_label
from gpupipe.stages.tensors._model import planned_dtype, planned_labels

PREDICTION = "prediction"


@dataclass(frozen=True, eq=False, repr=False)
class FittedTensorRegression(Holding):
    """A number for each sample: an intercept, and weights times the sample's cells.

    Parameters
    ----------
    labels
        For each dimension but that of the samples, a frame of its labels.
    samples
        What the dimension of the samples is called.
    place
        Which dimension it is.
    weight_array
        An array with a weight for each cell of a sample.
    """

    word: ClassVar[str] = "tensor regression"

    labels: tuple[Any, ...]
    samples: str
    place: int
    target: str
    weight_array: Any
    intercept: float

    @classmethod
    def planned(cls, spec: TensorSpec, samples: str, target: str) -> Any:
        """Return what stands for it in a plan."""
        place = spec.names.index(samples)
        labels = tuple(held for at, held in enumerate(planned_labels(spec)) if at != place)
        return cls(labels, samples, place, target, np.zeros((0,) * len(labels), planned_dtype(spec)), 0.0)

    @property
    def dims(self) -> tuple[str, ...]:
        """The dimensions of a sample."""
        return tuple(frame.columns[0] for frame in self.labels)

    @answers(Tensor, gives=Table)
    def predict(self) -> Predicted:
        """Return a row for each sample: its label, and the ``prediction``."""
        return Predicted(self)

    @answers(gives=Tensor)
    def weights(self) -> RegressionWeights:
        """Return the weights of a sample's cells."""
        return RegressionWeights(self)

    def check(self) -> None:
        """Raise ArtefactError unless there is a finite weight for each cell of a sample."""
        shape = tuple(len(frame) for frame in self.labels)
        weights = self.weight_array
        sound = isinstance(weights, np.ndarray) and weights.dtype.kind == "f" and weights.shape == shape and np.isfinite(weights).all()
        if not sound or not 0 <= self.place <= len(shape) or not np.isfinite(self.intercept):
            msg = f"Expected finite weights of the shape {shape} that the labels have, got others. Save the regression again."
            raise ArtefactError(msg)

    def describe(self) -> Mapping[str, Any]:
        """Return the size of a sample, and the intercept."""
        shape = " x ".join(f"{len(frame)} {name}" for name, frame in zip(self.dims, self.labels, strict=True))
        return {"facts": {"sample": shape, "intercept": float(f"{self.intercept:.6g}")}}


@dataclass(frozen=True)
class Predicted(TaskStage):
    """Gives the prediction of a regression for each sample of a tensor."""

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)

    model: FittedTensorRegression

    def plan(self, *specs: TensorSpec) -> Schema:
        """Return the samples' label and the prediction."""
        (spec,), model = specs, self.model
        if model.samples not in spec.names:
            raise ColumnError(f"predict expects a tensor with the dimension {model.samples!r}, got {listing(spec.names)}.")
        place = spec.names.index(model.samples)
        ours = tuple((frame.columns[0], frame.schema[frame.columns[0]]) for frame in model.labels)
        theirs = tuple(pair for at, pair in enumerate(spec.dims) if at != place)
        if theirs != ours or place != model.place or spec.sparse:
            told = [listing(f"{name} ({dtype})" for name, dtype in dims) for dims in (ours, theirs)]
            msg = f"predict expects dense samples of the fit's dimensions, {told[0]}, with {model.samples!r} in its place, got {told[1]}."
            raise PlanError(msg)
        return with_label(model.samples, spec.dims[place][1], {PREDICTION: spec.value[1]})

    def solve(self, tools: Tools, *inputs: TensorData) -> nw.DataFrame[Any]:
        """Return the predictions."""
        (tensor,), model, xp = inputs, self.model.adopted(tools), tools.xp
        tensor.observed("predict")
        values = xp.moveaxis(tensor.dense("predict"), model.place, 0)
        theirs = [frame for at, frame in enumerate(tensor.labels) if at != model.place]
        weights = model.weight_array.astype(values.dtype, copy=False)
        for mode, (ours, frame) in enumerate(zip(model.labels, theirs, strict=True)):
            weights = xp.take(weights, _same_places(tools, ours, frame), axis=mode)
        made = values.reshape(len(values), -1) @ weights.reshape(-1) + values.dtype.type(model.intercept)
        return tools.frame({PREDICTION: made}, beside=tensor.labels[model.place])


def _same_places(tools: Tools, ours: Any, theirs: Any) -> Any:
    """Return where each label stands in the fit, which has the same labels, all of them."""
    name = theirs.columns[0]
    codes = tools.coded((ours, [name]), (theirs, [name]))
    if not len(ours) == len(theirs) == len(codes.keys):
        more, fewer = len(codes.keys) - len(ours), len(codes.keys) - len(theirs)
        msg = f"predict expects the labels of the fit along {name!r}, got {more} others, and {fewer} are not there."
        raise StageError(msg)
    place_of = tools.xp.zeros(len(codes.keys), dtype=np.int64)
    place_of[codes.numbers[0]] = tools.xp.arange(len(ours))
    return place_of[codes.numbers[1]]


@dataclass(frozen=True)
class RegressionWeights(TaskStage):
    """Gives the weights of a regression on tensors, as a tensor."""

    takes: ClassVar[tuple[type[Node], ...]] = ()
    gives: ClassVar[type[Node]] = Tensor

    model: FittedTensorRegression

    def plan(self, *specs: Any) -> TensorSpec:
        """Return the dimensions of a sample."""
        dtype = nw.Float32() if self.model.weight_array.dtype == np.float32 else nw.Float64()
        return TensorSpec(tuple((frame.columns[0], frame.schema[frame.columns[0]]) for frame in self.model.labels), ("weight", dtype))

    def solve(self, tools: Tools, *inputs: Any) -> TensorData:
        """Return the weights."""
        model = self.model.adopted(tools)
        return TensorData(model.weight_array, None, None, model.labels, "weight")


class TensorRegression(TaskStage):
    """A regression; its fields but `samples` and `target` are the options of its estimator in `gpupipe.tensors`."""

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor, Table)
    gives: ClassVar[type[Node]] = Fitted
    estimator: ClassVar[Any]

    samples: str
    target: str

    def plan(self, *specs: Any) -> FittedTensorRegression:
        """Return the fitted regression with no labels."""
        self.check_ports(*specs)
        kind: Any = self.fitted
        planned: FittedTensorRegression = kind.planned(specs[0], self.samples, self.target)
        return planned

    def solve(self, tools: Tools, *inputs: Any) -> FittedTensorRegression:
        """Return the fitted regression."""
        tensor, frame = inputs
        found = self.regressed(tools, tensor, frame)
        place = tensor.dims.index(self.samples)
        labels = tuple(held for at, held in enumerate(tensor.labels) if at != place)
        made: FittedTensorRegression = self.fitted(labels, self.samples, place, self.target, found.weight_tensor_, float(found.intercept_))
        return made

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the samples' label and the target."""
        return [[self.samples, self.target]]

    def check_ports(self, spec: TensorSpec, schema: Schema) -> None:
        """Raise PlanError for a tensor or a table that do not go together."""
        place = spec.place(self.samples, self.name)
        if spec.sparse or len(spec.dims) < 3:
            got = "a sparse one" if spec.sparse else f"one of {len(spec.dims)}"
            raise PlanError(f"{self.name} expects a dense tensor of the samples and two dimensions or more, got {got}.")
        schema.require([self.samples, self.target])
        schema.require_numeric([self.target], f"{self.name}'s target")
        if schema[self.samples].dtype != spec.dims[place][1]:
            dtypes = f"{spec.dims[place][1]} in the tensor and {schema[self.samples].dtype} in the table"
            msg = f"{self.name} expects labels of one dtype in {self.samples!r}, got {dtypes}. Cast one of them."
            raise DtypeError(msg)

    def regressed(self, tools: Tools, tensor: TensorData, frame: nw.DataFrame[Any]) -> Any:
        """Return the estimator, fitted to the samples that have a target."""
        xp, place = tools.xp, tensor.dims.index(self.samples)
        tensor.observed(self.name)
        values = xp.moveaxis(tensor.dense(self.name), place, 0)
        at, target = self._targets(tools, tensor.labels[place], frame)
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        options = {name: value for name, value in options.items() if name not in ("samples", "target")}
        found = self.estimator(**options).fit(xp.ascontiguousarray(values[at]), target)
        tools.note(iterations=found.n_iter_, samples=len(at), without_target=len(values) - len(at))
        return found

    def _targets(self, tools: Tools, labels: nw.DataFrame[Any], frame: nw.DataFrame[Any]) -> tuple[Any, Any]:
        """Return the places of the samples that have a target, in ascending order, and their targets."""
        xp, name = tools.xp, self.samples
        frame = frame.filter(~nw.col(self.target).is_null(), ~nw.col(name).is_null())
        codes = tools.coded((labels, [name]), (frame, [name]))
        place_of = xp.full(len(codes.keys), -1, dtype=np.int64)
        place_of[codes.numbers[0]] = xp.arange(len(labels))
        at = place_of[codes.numbers[1]]
        n_others, n_twice = int((at < 0).sum()), len(at) - len(xp.unique(at))
        if n_others or n_twice or not len(at):
            got = f"{n_others} rows of other labels" if n_others else f"{n_twice} more rows of a label" if n_twice else "no row"
            msg = f"{self.name} expects a target for samples of the tensor, one row for each, got {got} in {name!r}."
            raise StageError(msg)
        order = xp.argsort(at)  # the table's order says nothing
        return at[order], tools.array(frame, self.target).astype(np.float64)[order]
