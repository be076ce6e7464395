"""Tensors cut along one dimension: each block has whole slices, with the labels of all others along the other dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import pyarrow as pa

import gpupipe.tensors as gt
from gpupipe.core.arrow import plain_table
from gpupipe.core.by_blocks import ByBlocks, InParts
from gpupipe.core.errors import StageError
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import TensorData

Labels = Mapping[str, pa.Table]


@dataclass(frozen=True, eq=False)
class Slabs(InParts):
    """A tensor in slabs.

    Parameters
    ----------
    place
        The dimension that is cut, by its number.
    shape
        How many labels each dimension has, that one with those of all slabs.
    """

    cut: str
    place: int
    shape: tuple[int, ...]
    n_present: int
    dtype: str
    n_bytes: int
    dims: tuple[str, ...]

    def describe(self) -> Mapping[str, Any]:
        """Return the tensor's shape, and how much of it is there."""
        cells = prod(self.shape)
        named = " x ".join(f"{size} {name}" for name, size in zip(self.dims, self.shape, strict=True))
        present = round(self.n_present / cells, 6) if cells else 0.0
        facts = {"shape": named, "dtype": self.dtype, "cells": cells, "present": present, "bytes": self.n_bytes}
        return {"facts": {**facts, "cut along": self.cut}}

    def joined(self, tools: Tools, parts: Sequence[TensorData]) -> TensorData:
        """Return the whole tensor."""
        held = [part.adopted(tools) for part in parts]
        labels = nw.concat([part.labels[self.place] for part in held])
        codes = tools.coded((labels, [self.cut]))
        values = tools.xp.empty(self.shape, dtype=held[0].values.dtype)
        mask = None if held[0].mask is None else tools.xp.empty(self.shape, dtype=bool)
        start = 0
        for part in held:
            size = part.shape[self.place]
            at: Any = [slice(None)] * len(self.shape)
            at[self.place] = codes.numbers[0][start : start + size]
            values[tuple(at)] = part.values
            if mask is not None:
                mask[tuple(at)] = part.mask
            start += size
        whole = tuple(codes.keys if place == self.place else frame for place, frame in enumerate(held[0].labels))
        return TensorData(values, mask, None, whole, held[0].value)


@dataclass(frozen=True, eq=False)
class SlabState:
    """What is known of all blocks: the labels of dimensions that are not cut, then what the slabs come to."""

    labels: Labels | None = None
    found: Slabs | None = None


@dataclass(frozen=True)
class CutToTensor(ByBlocks):
    """How `ToTensor` makes slabs: the labels of all blocks first.

    Parameters
    ----------
    stage
        The stage that is done so; its dimension `cut` is the key.
    """

    gives_parts: ClassVar[bool] = True

    keys: tuple[str, ...]
    stage: Any

    def opened(self, tools: Tools, *frames: nw.DataFrame[Any]) -> pa.Table | None:
        """Return the rows; None where there is none."""
        whole = self.stage.whole(frames[0]) if len(frames[0]) else frames[0]
        return plain_table(whole.to_arrow()) if len(whole) else None

    def start(self) -> SlabState:
        """Return that nothing is known."""
        return SlabState()

    def measure(self, tools: Tools, question: SlabState, held: Any) -> tuple[Any, Any]:
        """Return a block's labels; then what its slab comes to, with the slab as what is kept."""
        if held is None:
            return None, None
        if question.labels is None:
            others = [name for name in self.stage.dims if name != self.stage.cut]
            return {name: _unique(held.select([name])) for name in others}, held
        known = {name: tools.adopted(table) for name, table in question.labels.items()}
        slab = self.stage.made(tools, tools.adopted(held), known)
        present = slab.values.size if slab.mask is None else int(slab.mask.sum())
        place = slab.dims.index(self.stage.cut)
        told = Slabs(self.stage.cut, place, slab.shape, present, str(slab.values.dtype), slab.n_bytes, slab.dims)
        return told, replace(slab, labels=tuple(plain_table(frame.to_arrow()) for frame in slab.labels))

    def merge(self, measured: Sequence[Any]) -> Any:
        """Return the labels of all, or what all slabs come to; None where no block has rows."""
        known = [one for one in measured if one is not None]
        if not known:
            return None
        if isinstance(known[0], Slabs):
            return reduce(_together, known)
        return {name: _unique(pa.concat_tables([one[name] for one in known])) for name in known[0]}

    def advance(self, tools: Tools, state: SlabState, total: Any) -> tuple[SlabState, bool]:
        """Return the labels, on their grids; then what the slabs come to."""
        if total is None:
            msg = "ToTensor expects rows to cut, got none. Look at what filters them."
            raise StageError(msg)
        if isinstance(total, Slabs):
            return replace(state, found=total), True
        laid = {name: self.stage.laid(tools, tools.adopted(table), name)[0] for name, table in total.items()}
        return SlabState({name: plain_table(frame.to_arrow()) for name, frame in laid.items()}), False

    def finish(self, tools: Tools, state: SlabState) -> Slabs | None:
        """Return what is known of the slabs."""
        return state.found

    def part(self, tools: Tools, held: Any) -> TensorData | None:
        """Return a slab."""
        return None if held is None else replace(held, labels=tuple(tools.adopted(table) for table in held.labels))


def _together(one: Slabs, other: Slabs) -> Slabs:
    """Return what two slabs come to."""
    size = one.shape[one.place] + other.shape[one.place]
    shape = tuple(size if place == one.place else n for place, n in enumerate(one.shape))
    return replace(one, shape=shape, n_present=one.n_present + other.n_present, n_bytes=one.n_bytes + other.n_bytes)


def _unique(table: pa.Table) -> pa.Table:
    """Return the labels of a table of one column, each once, in order."""
    (name,) = table.column_names
    return table.group_by(name).aggregate([]).sort_by(name)


@dataclass(frozen=True, eq=False)
class Summed:
    """The sums of some rows, the labels of the columns, and what the values are called."""

    sums: gt.Moments
    labels: pa.Table
    value: str


@dataclass(frozen=True)
class MomentsOfSlabs(ByBlocks):
    """How `Moments` is taken of slabs of its rows: sums merge.

    Parameters
    ----------
    stage
        The stage that is done so.
    """

    keys: tuple[str, ...]
    stage: Any

    def opened(self, tools: Tools, *frames: Any) -> Any:
        """Return the slab."""
        return frames[0]

    def start(self) -> None:
        """Return nothing: there is one pass."""
        return None

    def measure(self, tools: Tools, question: None, held: TensorData | None) -> tuple[Summed | None, None]:
        """Return the sums of a slab's rows; nothing is kept."""
        if held is None:
            return None, None
        tensor = held.adopted(tools)
        rows, labels = self.stage.rows_of(tensor)
        return Summed(self.stage.sums(tools, rows), plain_table(labels.to_arrow()), tensor.value), None

    def merge(self, measured: Sequence[Any]) -> Summed | None:
        """Return the sums of all; None where no part has rows."""
        known = [one for one in measured if one is not None]
        if not known:
            return None
        total: Summed = replace(known[0], sums=reduce(lambda one, other: one.merge(other), (one.sums for one in known)))
        return total

    def advance(self, tools: Tools, state: Any, total: Summed) -> tuple[Summed, bool]:
        """Return the sums."""
        return total, True

    def finish(self, tools: Tools, state: Any) -> TensorData:
        """Return the moment."""
        made: TensorData = self.stage.of_sums(state.sums, tools.adopted(state.labels), state.value)
        return made
