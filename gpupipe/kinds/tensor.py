"""Tensors: arrays of several dimensions, with a label for each place along each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

import gpupipe.tensors as gt
from gpupipe.core.errors import ArtefactError, ColumnError, MissingExtraError, StageError, listing, nearest
from gpupipe.core.holding import Holding
from gpupipe.core.node import Node
from gpupipe.core.schema import Field, Schema
from gpupipe.core.tools import Tools
from gpupipe.tensors._arrays import array_module


class Tensor(Node):
    """A tensor that a stage makes; tensor stages take it."""

    __slots__ = ()
    words: ClassVar[str] = "tensors"
    made_by: ClassVar[str] = 'gp.ToTensor(["sensor", "day"], "value")(table)'
    to_table: ClassVar[str] = "gp.FromTensor()(tensor)"


@dataclass(frozen=True)
class TensorSpec:
    """What a plan knows of a tensor; sizes are known once it is made.

    Parameters
    ----------
    dims
        The dimensions' names, with the dtypes of their labels.
    value
        What the values are called, and their dtype.
    sparse
        Whether it holds some cells, and the others are zero.
    masked
        Whether cells may be missing.
    """

    dims: tuple[tuple[str, Any], ...]
    value: tuple[str, Any]
    sparse: bool = False
    masked: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The dimensions' names."""
        return tuple(name for name, _ in self.dims)

    def place(self, dim: str, stage: str) -> int:
        """Return where a dimension stands, or raise ColumnError for one that is not there."""
        if dim not in self.names:
            msg = f"{stage}: there is no dimension {dim!r}.{nearest(dim, self.names)} The tensor has {listing(self.names)}."
            raise ColumnError(msg)
        return self.names.index(dim)

    def by_cell(self) -> Schema:
        """Return the columns of a table with a row for each cell: a label for each dimension, and the value."""
        labels = ((name, Field(dtype, nullable=False)) for name, dtype in self.dims)
        return Schema((*labels, (self.value[0], Field(self.value[1], nullable=self.masked))))


@dataclass(frozen=True, eq=False, repr=False)
class TensorData(Holding):
    """A tensor as a run holds it.

    Parameters
    ----------
    values
        An array with a place for each cell or, where there are `coordinates`, of the cells that are held.
    mask
        An array that says of each cell whether it is there; None where all are.
    coordinates
        An array (n_dims, n_held) of the places of the cells that are held; None for a dense tensor.
    labels
        For each dimension, a frame of one column, called as the dimension is.
    value
        What the values are called.
    """

    word: ClassVar[str] = "tensor"

    values: Any
    mask: Any
    coordinates: Any
    labels: tuple[Any, ...]
    value: str

    @property
    def shape(self) -> tuple[int, ...]:
        """How many places each dimension has."""
        return tuple(len(frame) for frame in self.labels)

    @property
    def dims(self) -> tuple[str, ...]:
        """The dimensions' names."""
        return tuple(frame.columns[0] for frame in self.labels)

    @property
    def spec(self) -> TensorSpec:
        """What the plan would know of it."""
        dims = tuple((frame.columns[0], frame.schema[frame.columns[0]]) for frame in self.labels)
        dtype = nw.Float32() if self.values.dtype == np.float32 else nw.Float64()
        return TensorSpec(dims, (self.value, dtype), self.coordinates is not None, self.mask is not None)

    @cached_property
    def sparse(self) -> gt.SparseTensor:
        """The cells that are held, as the functions of `gpupipe.tensors` take them."""
        return gt.SparseTensor(self.coordinates, self.values, self.shape)

    @property
    def array(self) -> Any:
        """What the functions of `gpupipe.tensors` take: the array of all cells, or the sparse tensor."""
        return self.values if self.coordinates is None else self.sparse

    def dense(self, stage: str) -> Any:
        """Return the array of all cells; raise StageError where the tensor is sparse or has missing cells, which `stage` does not take."""
        if self.coordinates is not None:
            msg = f"{stage} takes a dense tensor, got a sparse one. Make it with sparse=False."
            raise StageError(msg)
        if self.mask is not None and not bool(self.mask.all()):
            n_missing = int(self.mask.size - self.mask.sum())
            msg = (
                f"{stage} takes a tensor without missing cells, got {n_missing} of {self.mask.size}. Give ToTensor a fill, or impute them."
            )
            raise StageError(msg)
        return self.values

    def observed(self, stage: str) -> tuple[Any, Any]:
        """Return what is there as the functions of `gpupipe.tensors` take it: an array or a sparse tensor, and a mask or None.

        The mask is None where all cells are there, so that nothing is masked in vain.

        Raises
        ------
        StageError
            A dimension has no labels, or a cell that is there is no finite number.
        """
        empty = [name for name, size in zip(self.dims, self.shape, strict=True) if not size]
        if empty:
            msg = f"{stage} expects labels along every dimension, got none along {listing(empty)}. Has the table any rows?"
            raise StageError(msg)
        xp = array_module(self.values)
        mask = None if self.mask is None or bool(self.mask.all()) else self.mask
        with np.errstate(all="ignore"):
            if mask is None and bool(xp.isfinite(self.values.sum())):  # one pass: a sum is finite only where all numbers are
                return self.array, None
        wrong = ~xp.isfinite(self.values)
        wrong = wrong if mask is None else wrong & mask
        if bool(wrong.any()):
            first = [place[:1] for place in xp.nonzero(wrong)]
            at = [int(place[0]) for place in (first if self.coordinates is None else self.coordinates[:, first[0]])]
            msg = (
                f"{stage} expects finite numbers, got {int(wrong.sum())} that are NaN or infinite, at {self.where(at)} for one. "
                "Make them null before ToTensor, so that their cells are missing, or fill them."
            )
            raise StageError(msg)
        return self.array, mask

    def where(self, places: Sequence[int]) -> str:
        """Return the labels of a cell as errors tell them."""
        labels = [frame[place : place + 1].rows()[0][0] for frame, place in zip(self.labels, places, strict=True)]
        return ", ".join(f"{name}={label!r}" for name, label in zip(self.dims, labels, strict=True))

    def to_xarray(self) -> Any:
        """Return it as a DataArray of xarray, in the host's memory; a missing cell is NaN.

        Raises
        ------
        MissingExtraError
            xarray is not installed.
        """
        try:
            import xarray  # local: an extra, and nothing else here needs it
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("to_xarray needs xarray", "xarray") from error
        values = self.values if self.coordinates is None else self.sparse.to_dense()
        values = values if self.mask is None else array_module(values).where(self.mask, values, np.nan).astype(values.dtype)
        labels = {frame.columns[0]: frame.to_arrow().column(0).to_numpy() for frame in self.labels}
        return xarray.DataArray(values.get() if hasattr(values, "get") else values, labels, self.dims, self.value)

    def by_cell(self, tools: Tools, places: Sequence[Any], values: Any) -> nw.DataFrame[Any]:
        """Return a table of some cells: a label for each dimension, and an array of values."""
        columns = [frame[_rows(tools, place)] for frame, place in zip(self.labels, places, strict=True)]
        return tools.frame({self.value: values}, beside=nw.concat(columns, how="horizontal"))

    @property
    def headline(self) -> str:
        """Its shape."""
        return " x ".join(f"{size} {name}" for name, size in zip(self.dims, self.shape, strict=True))

    def check(self) -> None:
        """Raise ArtefactError unless the arrays have the shape that the labels say."""
        shape = self.shape
        if self.coordinates is None:
            sound = self.values.shape == shape and (self.mask is None or (self.mask.shape == shape and self.mask.dtype == bool))
        else:
            held = self.values.shape == (len(self.values),) and self.coordinates.shape == (len(shape), len(self.values))
            sound = held and self.coordinates.dtype.kind in "iu" and self.mask is None
            low, high = (self.coordinates.min(1), self.coordinates.max(1)) if sound and len(self.values) else (np.zeros(1), np.zeros(1))
            sound = sound and bool((low >= 0).all()) and (not len(self.values) or bool((high < np.asarray(shape)).all()))
        if not sound or self.values.dtype.kind != "f":
            msg = f"Expected a tensor of floats of the shape {shape} that its labels have, got another. Save the tensor again."
            raise ArtefactError(msg)

    def describe(self) -> Mapping[str, Any]:
        """Return the tensor's shape, and how much of it is there."""
        cells = prod(self.shape)
        held = len(self.values) if self.coordinates is not None else cells if self.mask is None else int(self.mask.sum())
        facts = {
            "shape": self.headline,
            "dtype": str(self.values.dtype),
            "cells": cells,
            "held" if self.coordinates is not None else "present": round(held / cells, 6) if cells else 0.0,
            "bytes": self.n_bytes,
        }
        return {"facts": facts}


def _rows(tools: Tools, places: Any) -> Any:
    """Return places as a frame takes them."""
    return places if tools.xp is np else places.get() if hasattr(places, "get") else places
