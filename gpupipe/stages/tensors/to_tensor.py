"""Makes a tensor of a table with a row for each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import PlanError, StageError, UsageError, listing, nearest
from gpupipe.core.node import Node
from gpupipe.core.options import settle
from gpupipe.core.present import as_text, require_present, text_of
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.tensors._grid import Grid, as_labels
from gpupipe.stages.tensors._pictures import on_host
from gpupipe.stages.tensors._slabs import CutToTensor

Duplicates = Literal["error", "sum", "mean", "last"]


@dataclass(frozen=True, init=False)
class ToTensor(TaskStage):
    """Makes a tensor of a table with a row for each cell: a column for each dimension, and one of values.

    A dimension's labels are the values of its column, in ascending order. A cell of which there is no row is missing, or `fill`.

    Parameters
    ----------
    dims
        The columns that are dimensions, in the tensor's order.
    value
        The column of numbers; Float32 stays, all else becomes Float64. A missing number is a missing cell.
    fill
        The value of missing cells; where it is not given, they are missing in the tensor, which then has a mask.
    duplicates
        What several rows of one cell come to: an error, their sum, their mean, or the last of them.
    sparse
        Whether the tensor keeps only the cells that there are rows for, as coordinates and values; the others are zero.
    every
        For dimensions of times or whole numbers the distance of their labels, ``{"day": "1d", "time": "15m", "hour": 1}``: what is between
        the first and the last label and has no row is there as well, with missing cells, and a label off that grid is an error. Steps of
        time are a number and ``s``, ``m``, ``h``, ``d``, ``w``, ``mo``, ``q`` or ``y``.
    cut
        The dimension along which a dense tensor lies in slabs on engine ``dask``, one in each block, so that no worker need hold all of it:
        `Moments` along it are taken slab by slab, and whatever else is asked of it brings the slabs together on one worker, within its
        budget. Other engines have the whole tensor anyway.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"place": ["b", "a", "b"], "hour": [0, 1, 1], "x": [1.0, 2.0, 3.0]})
    >>> tensor = ToTensor(["place", "hour"], "x", fill=0).apply(rows)
    >>> tensor.shape, tensor.values.tolist()
    ((2, 2), [[0.0, 2.0], [1.0, 3.0]])
    """

    gives: ClassVar[type[Node]] = Tensor

    dims: tuple[str, ...]
    value: str
    fill: float | None
    duplicates: Duplicates
    sparse: bool
    grids: tuple[tuple[str, Grid], ...]
    cut: str | None

    def __init__(
        self,
        dims: Sequence[str],
        value: str,
        *,
        fill: float | None = None,
        duplicates: Duplicates = "error",
        sparse: bool = False,
        every: Mapping[str, str | int] | None = None,
        cut: str | None = None,
    ) -> None:
        names = as_columns(dims, "ToTensor's dims")
        if len(set(names)) < len(names) or value in names:
            msg = f"ToTensor expects different columns, got dims {listing(names)} and value {value!r}."
            raise UsageError(msg)
        if duplicates not in ("error", "sum", "mean", "last"):
            msg = f"duplicates={duplicates!r}: ToTensor expects 'error', 'sum', 'mean' or 'last'."
            raise UsageError(msg)
        if sparse and fill not in (None, 0):
            msg = f"A sparse tensor's other cells are zero, got fill={fill!r}. Leave it out, or make a dense tensor."
            raise UsageError(msg)
        if others := [name for name in every or () if name not in names]:
            msg = f"ToTensor expects every to name dimensions, got {listing(others)}.{nearest(others[0], names)} It has {listing(names)}."
            raise UsageError(msg)
        if cut is not None and (cut not in names or sparse or duplicates == "last" or cut in (every or {})):
            msg = (
                f"cut={cut!r}: ToTensor expects one of its dimensions, {listing(names)}, that has no step in every; and a dense tensor "
                "without duplicates='last', since blocks have no order."
            )
            raise UsageError(msg)
        settle(self, cut=cut, grids=tuple((name, Grid.of(name, step)) for name, step in (every or {}).items()))
        settle(self, dims=names, value=value, fill=None if fill is None else float(fill), duplicates=duplicates, sparse=sparse)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the dimensions and the value."""
        return [[*self.dims, self.value]]

    def plan(self, *specs: Any) -> TensorSpec:
        """Return the dimensions and the dtype.

        Raise ColumnError for a column that is not there, DtypeError for values that are no numbers, PlanError for labels of floats.
        """
        specs[0].require(self.dims)
        specs[0].require_numeric([self.value], "ToTensor's value")
        floats = [name for name in self.dims if specs[0][name].dtype.is_float()]
        if floats:
            msg = f"ToTensor expects labels that can be equal, got {specs[0][floats[0]].dtype} in {floats[0]!r}. Round and cast it first."
            raise PlanError(msg)
        for name, grid in self.grids:
            grid.check(name, specs[0][name].dtype)
        dims = tuple((name, text_of(specs[0][name].dtype)) for name in self.dims)
        dtype = specs[0][self.value].dtype if isinstance(specs[0][self.value].dtype, nw.Float32) else nw.Float64()
        return TensorSpec(dims, (self.value, dtype), self.sparse, not self.sparse and self.fill is None)

    def solve(self, tools: Tools, *inputs: Any) -> TensorData:
        """Return the tensor."""
        return self.made(tools, self.whole(inputs[0]), {})

    def by_blocks(self, *schemas: Any) -> CutToTensor | None:
        """Return the way by slabs, where the tensor is cut."""
        return None if self.cut is None else CutToTensor((self.cut,), self)

    def made(self, tools: Tools, frame: nw.DataFrame[Any], known: Mapping[str, nw.DataFrame[Any]]) -> TensorData:
        """Return the tensor of whole rows; of some dimensions the labels may be known, and be more than the rows have."""
        xp = tools.xp
        labels, places = zip(*(self._along(tools, frame, name, known.get(name)) for name in self.dims), strict=True)
        shape = tuple(len(keys) for keys in labels)
        values = tools.array(frame, self.value)
        values = values if values.dtype == xp.float32 else values.astype(xp.float64)
        self._require_room(tools, shape, values)
        cells = xp.zeros(len(values), dtype=xp.int64)
        for place, size in zip(places, shape, strict=True):
            cells *= size
            cells += place
        cells, values = self._folded(xp, cells, values, places, labels)
        if self.sparse:
            coordinates = xp.stack(xp.unravel_index(cells, shape)) if len(cells) else xp.zeros((len(shape), 0), dtype=xp.int64)
            return TensorData(values, None, coordinates, labels, self.value)
        array = xp.full(shape, xp.nan if self.fill is None else self.fill, dtype=values.dtype)
        array.reshape(-1)[cells] = values
        mask = None
        if self.fill is None:
            mask = xp.zeros(shape, dtype=bool)
            mask.reshape(-1)[cells] = True
        return TensorData(array, mask, None, labels, self.value)

    def _along(self, tools: Tools, frame: nw.DataFrame[Any], name: str, known: nw.DataFrame[Any] | None) -> tuple[Any, Any]:
        """Return a dimension's labels, and the place of each row among them."""
        if known is not None:
            return known, tools.coded((known, [name]), (frame, [name])).numbers[1]
        codes = tools.coded((frame, [name]))
        held, places = self.laid(tools, codes.keys, name)
        return held, codes.numbers[0] if places is None else tools.xp.asarray(places)[codes.numbers[0]]

    def laid(self, tools: Tools, labels: nw.DataFrame[Any], name: str) -> tuple[nw.DataFrame[Any], Any]:
        """Return labels, in order and each once, with all that lie between them on the dimension's grid, and where they stand among those.

        The places are None where the dimension has no grid.
        """
        grid = dict(self.grids).get(name)
        if grid is None or not len(labels):
            return labels, None
        dtype = labels.schema[name]
        there = on_host(tools.array(labels, name))
        places, found = grid.laid(there.astype(np.int64), dtype, name)
        return tools.adopted(pa.table({name: as_labels(found.astype(there.dtype), dtype)})), places

    def whole(self, frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
        """Return the rows that have a value, categories as text; a missing label is an error."""
        require_present(frame, self.dims, "ToTensor", "a label")
        frame = as_text(frame, self.dims)
        return frame.filter(~nw.col(self.value).is_null()) if frame[self.value].null_count() else frame

    def _require_room(self, tools: Tools, shape: Sequence[int], values: Any) -> None:
        """Raise StageError for a dense tensor that needs more memory than there is."""
        cells = prod(shape)
        if cells >= 2**63:
            msg = f"ToTensor: a tensor of shape {tuple(shape)} has more cells than 64 bits can number. Filter the rows, or round labels."
            raise StageError(msg)
        needed = cells * (values.dtype.itemsize + (1 if self.fill is None else 0))
        if not self.sparse and tools.most_bytes is not None and needed > tools.most_bytes:
            full = 100 * len(values) / cells
            msg = (
                f"A dense tensor of shape {tuple(shape)} needs {needed:,} bytes, and there are {tools.most_bytes:,}; {full:.3g} % of its "
                "cells have a row. Say sparse=True, filter the rows, or make labels coarser."
            )
            raise StageError(msg)

    def _folded(self, xp: Any, cells: Any, values: Any, places: Sequence[Any], labels: Sequence[Any]) -> tuple[Any, Any]:
        """Return each cell once, in ascending order, with what its rows come to."""
        order = xp.argsort(cells, kind="stable")
        cells, values = cells[order], values[order]
        first = xp.ones(len(cells), dtype=bool)
        first[1:] = cells[1:] != cells[:-1]
        if bool(first.all()):
            return cells, values
        if self.duplicates == "error":
            row = int(order[int(xp.flatnonzero(~first)[0])])
            at = [keys[int(place[row]) : int(place[row]) + 1].rows()[0][0] for keys, place in zip(labels, places, strict=True)]
            where = ", ".join(f"{name}={label!r}" for name, label in zip(self.dims, at, strict=True))
            msg = (
                f"ToTensor expects one row for each cell, got {int((~first).sum())} more, at {where} for one. "
                "Aggregate them first, or say duplicates='sum', 'mean' or 'last'."
            )
            raise StageError(msg)
        if self.duplicates == "last":
            last = xp.ones(len(cells), dtype=bool)
            last[:-1] = first[1:]
            return cells[last], values[last]
        runs = xp.cumsum(first) - 1
        sums = xp.bincount(runs, weights=values)
        sums = sums / xp.bincount(runs) if self.duplicates == "mean" else sums
        return cells[first], sums.astype(values.dtype)
