"""What decompositions of labelled tensors have in common when they are fitted: labels, and what they say of any cell."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import ArtefactError, PlanError, StageError, listing
from gpupipe.core.holding import Holding
from gpupipe.core.schema import Field, Schema
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import TensorData, TensorSpec
from gpupipe.stages._lines import curve_part
from gpupipe.stages.tensors._pictures import factor_parts, on_host


@dataclass(frozen=True)
class PlannedLabels:
    """Stands in a plan for a dimension's labels, which are known once the tensor is made."""

    name: str
    dtype: Any

    def __len__(self) -> int:
        return 0

    @property
    def columns(self) -> list[str]:
        """The dimension's name."""
        return [self.name]

    @property
    def schema(self) -> Mapping[str, Any]:
        """The dtype of the labels."""
        return {self.name: self.dtype}


@dataclass(frozen=True, eq=False, repr=False)
class TensorModel(Holding):
    """A decomposition with the labels of the tensor that it was fitted to.

    Parameters
    ----------
    labels
        For each dimension, a frame of one column, called as the dimension is.
    value
        What the values are called.
    errors
        The relative error after each sweep, an array.
    """

    labels: tuple[Any, ...]
    value: str
    errors: Any

    @property
    def dims(self) -> tuple[str, ...]:
        """The dimensions' names."""
        return tuple(frame.columns[0] for frame in self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many labels each dimension has."""
        return tuple(len(frame) for frame in self.labels)

    @property
    @abstractmethod
    def dtype(self) -> Any:
        """The dtype of the arrays."""

    @abstractmethod
    def block(self, places: Sequence[Any]) -> Any:
        """Return the dense array of some places along each dimension."""

    @abstractmethod
    def arrays(self) -> Mapping[str, tuple[Any, tuple[int, ...]]]:
        """Return the arrays by name, each with the shape that it must have."""

    def matrix(self, mode: int) -> Any:
        """Return a dimension's factor (size, rank), where the decomposition has factors."""
        msg = f"The decomposition has no factors, but {self.word}s."
        raise PlanError(msg)

    def cells(self, places: Sequence[Any]) -> Any:
        """Return the values of some cells, given their places along each dimension."""
        msg = f"What {self.word} says of single cells is not known. Give a dense tensor."
        raise StageError(msg)

    def rows_of(self, values: Any, mask: Any, mode: int, places: Sequence[Any]) -> Any:
        """Return the rows of a dimension's factor that slices along it have, with everything else as fitted."""
        msg = f"What a {self.word} says of new slices is not known."
        raise StageError(msg)

    def cell_spec(self) -> TensorSpec:
        """Return what a plan knows of a tensor with these labels."""
        dims = tuple((frame.columns[0], frame.schema[frame.columns[0]]) for frame in self.labels)
        return TensorSpec(dims, (self.value, nw.Float32() if self.dtype == np.float32 else nw.Float64()))

    def require_dims(self, spec: TensorSpec, stage: str) -> None:
        """Raise PlanError for a tensor of other dimensions than those of the fit."""
        ours = self.cell_spec().dims
        if spec.dims != ours:
            told = [listing(f"{name} ({dtype})" for name, dtype in dims) for dims in (ours, spec.dims)]
            msg = f"{stage} expects a tensor with the dimensions of the fit, {told[0]}, got {told[1]}."
            raise PlanError(msg)

    def places(self, tools: Tools, tensor: TensorData, stage: str, *, new: int | None = None) -> list[Any]:
        """Return where the tensor's labels stand among those of the fit, along each dimension; along `new`, they are as they come.

        Raises
        ------
        StageError
            The fit has not seen a label.
        """
        xp, found = tools.xp, []
        for mode, (ours, theirs) in enumerate(zip(self.labels, tensor.labels, strict=True)):
            if mode == new:
                found.append(xp.arange(len(theirs)))
                continue
            name = theirs.columns[0]
            codes = tools.coded((ours, [name]), (theirs, [name]))
            place_of = xp.full(len(codes.keys), -1, dtype=np.int64)
            place_of[codes.numbers[0]] = xp.arange(len(ours))
            places = place_of[codes.numbers[1]]
            unknown = xp.flatnonzero(places < 0)
            if len(unknown):
                at = int(unknown[0])
                label = theirs[at : at + 1].rows()[0][0]
                msg = f"{stage} expects labels that the fit has seen, got {len(unknown)} others along {name!r}, {label!r} for one."
                raise StageError(msg)
            found.append(places)
        return found

    def require_room(self, tools: Tools, stage: str) -> None:
        """Raise StageError where the dense tensor needs more memory than there is."""
        needed = prod(self.shape) * self.dtype.itemsize
        if tools.most_bytes is not None and needed > tools.most_bytes:
            msg = (
                f"{stage}: a dense tensor of shape {self.shape} needs {needed:,} bytes, and there are {tools.most_bytes:,}. "
                "Ask for factors, or score the cells that matter."
            )
            raise StageError(msg)

    def check(self) -> None:
        """Raise ArtefactError unless arrays and labels fit one another."""
        wrong = [name for name, (array, shape) in self.arrays().items() if not _is_floats(array, shape)]
        if wrong or getattr(self.errors, "ndim", 0) != 1 or len({array.dtype for array, _ in self.arrays().values()}) != 1:
            msg = f"Expected a {self.word} of shape {self.shape}, and {listing(wrong) or 'its errors'} does not fit. Save it again."
            raise ArtefactError(msg)

    def require_parts(self, parts: Sequence[Any]) -> None:
        """Raise ArtefactError unless there is one array for each dimension."""
        if len(parts) != len(self.labels):
            msg = f"Expected a {self.word} with {len(self.labels)} arrays, one for each dimension, got {len(parts)}. Save it again."
            raise ArtefactError(msg)

    def facts(self) -> Mapping[str, Any]:
        """Return what the report says in words of this kind of decomposition."""
        return {}

    def describe(self) -> Mapping[str, Any]:
        """Return the error and its curve, and pictures of the factors."""
        errors = [float(error) for error in on_host(self.errors)]
        shape = " x ".join(f"{size} {name}" for name, size in zip(self.dims, self.shape, strict=True))
        told = {"shape": shape, **self.facts(), "relative error": float(f"{errors[-1]:.6g}") if errors else None}
        curve = curve_part("Relative error after each sweep", "sweep", "relative error", range(1, len(errors) + 1), {self.value: errors})
        parts = [*self.pictures(), *([curve] if len(errors) > 1 else [])]
        return {
            "facts": told,
            "cards": [{"title": f"{self.word[0].upper()}{self.word[1:]} of {self.value}", "parts": parts}] if parts else [],
        }

    def pictures(self) -> list[Mapping[str, Any]]:
        """Return a part for each dimension's factor."""
        return [part for mode, frame in enumerate(self.labels) for part in factor_parts(frame, on_host(self.matrix(mode)))]


def _is_floats(array: Any, shape: tuple[int, ...]) -> bool:
    """Whether it is an array of finite floats of a shape."""
    return isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.shape == shape and bool(np.isfinite(array).all())


def never_missing(columns: Mapping[str, Any]) -> Schema:
    """Return the columns of a table in which nothing is missing."""
    return Schema(tuple((name, Field(dtype, nullable=False)) for name, dtype in columns.items()))


def planned_labels(spec: TensorSpec) -> tuple[PlannedLabels, ...]:
    """Return what stands in a plan for the labels of a tensor."""
    return tuple(PlannedLabels(name, dtype) for name, dtype in spec.dims)


def planned_dtype(spec: TensorSpec) -> Any:
    """Return the NumPy dtype of a tensor's values."""
    return np.dtype(np.float32 if isinstance(spec.value[1], nw.Float32) else np.float64)
