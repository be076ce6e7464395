"""Samples of a tensor as networks take them, and their labels as a table has them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import ColumnError, PlanError, StageError, UsageError, listing
from gpupipe.core.schema import Schema
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import TensorData, TensorSpec
from gpupipe.stages.tensors._pictures import on_host
from gpupipe.stages.tensors._regression import _same_places


def samples_of(tools: Tools, tensor: TensorData, samples: str, shape: Sequence[int], stage: str, labels: Sequence[Any] = ()) -> Any:
    """Return the samples [n, ...] as float32, each of the shape that the network takes.

    Parameters
    ----------
    shape
        The shape of a sample; none for the tensor's own.
    labels
        The labels of a sample's dimensions in the fit, whose order a network depends on.

    Raises
    ------
    StageError
        A cell is missing or no finite number, a sample has other labels than in the fit, or as many cells do not make the shape.
    """
    xp, place = tools.xp, tensor.dims.index(samples)
    tensor.observed(stage)
    values = xp.moveaxis(tensor.dense(stage), place, 0)
    theirs = [frame for at, frame in enumerate(tensor.labels) if at != place]
    for mode, (ours, frame) in enumerate(zip(labels, theirs, strict=bool(labels)), start=1):
        values = xp.take(values, _same_places(tools, ours, frame), axis=mode)
    if shape and prod(shape) != prod(values.shape[1:]):
        msg = f"{stage} expects samples that make the shape {tuple(shape)}, got {prod(values.shape[1:])} cells each: {values.shape[1:]}."
        raise StageError(msg)
    return xp.ascontiguousarray(values.astype(xp.float32)).reshape(len(values), *(shape or values.shape[1:]))


def matched(tools: Tools, labels: nw.DataFrame[Any], frame: nw.DataFrame[Any], columns: tuple[str, str], stage: str) -> tuple[Any, Any]:
    """Return the places, on the host, of the samples that a table has a target for, in ascending order, and its rows in that order.

    Parameters
    ----------
    labels
        A frame of the samples' labels.
    columns
        The table's columns of labels and of targets.

    Raises
    ------
    StageError
        A row is of no sample, a sample has several, or there is none.
    """
    xp, (name, target) = tools.xp, columns
    frame = frame.filter(~nw.col(target).is_null(), ~nw.col(name).is_null())
    codes = tools.coded((labels, [name]), (frame, [name]))
    place_of = xp.full(len(codes.keys), -1, dtype=np.int64)
    place_of[codes.numbers[0]] = xp.arange(len(labels))
    at = place_of[codes.numbers[1]]
    n_others, n_twice = int((at < 0).sum()), len(at) - len(xp.unique(at))
    if n_others or n_twice or not len(at):
        got = f"{n_others} rows of other labels" if n_others else f"{n_twice} more rows of a label" if n_twice else "no row"
        msg = f"{stage} expects a target for samples of the tensor, one row for each, got {got} in {name!r}."
        raise StageError(msg)
    order = xp.argsort(at)
    rows = on_host(order)
    return on_host(at[order]), frame[rows]


def numbers_of(tools: Tools, classes: Any, rows: nw.DataFrame[Any], target: str, told: str) -> tuple[Any, Any]:
    """Return a frame of classes in ascending order, and the number of each row's class among them, on the host.

    Parameters
    ----------
    classes
        A frame of one column, each class once; None for those of the rows.
    told
        Which classes are expected, for the error.

    Raises
    ------
    StageError
        A row is of another class.
    """
    if isinstance(rows.schema[target], nw.Categorical):
        rows = rows.with_columns(nw.col(target).cast(nw.String))
    if classes is None:
        codes = tools.coded((rows, [target]))
        return codes.keys, on_host(codes.numbers[0]).astype(np.int64)
    codes = tools.coded((classes, [classes.columns[0]]), (rows, [target]))
    known, numbers = map(on_host, codes.numbers)
    place_of = np.full(len(codes.keys), -1)
    place_of[known] = np.arange(len(known))
    found = place_of[numbers]
    if (found < 0).any():
        strange = codes.keys[codes.keys.columns[0]].to_list()
        others = sorted({str(strange[number]) for number in numbers[found < 0]})
        raise StageError(f"{told}, got {listing(others)} in {target!r}. Leave them out.")
    return classes, found


def as_classes(given: Any, stage: str) -> tuple[Any, ...]:
    """Return the classes that a user names, each once.

    Examples
    --------
    >>> as_classes(["cat", "dog"], "LearnDeep")
    ('cat', 'dog')
    """
    named = tuple(given) if isinstance(given, Sequence | range) and not isinstance(given, str | bytes) else ()
    if len(named) < 2 or len(set(named)) < len(named) or None in named:
        raise UsageError(f"{stage}'s classes are True, False, or two classes or more, each once: ['cat', 'dog'], got {given!r}.")
    return named


def classes_table(named: Sequence[Any], target: str, dtype: Any, stage: str) -> pa.Table:
    """Return an Arrow table of the classes that a user names, of the dtype of a column; raise PlanError where they are none of it."""
    try:
        column = nw.new_series(target, list(named), dtype, backend="pyarrow")
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError) as error:
        raise PlanError(f"{stage}'s classes are to be of {dtype}, as {target!r} is, got {list(named)}: {error}.") from error
    return column.to_frame().to_arrow()


def check_samples(spec: TensorSpec, samples: str, stage: str) -> None:
    """Raise PlanError for a tensor that has no such samples."""
    spec.place(samples, stage)
    if spec.sparse or len(spec.dims) < 2:
        got = "a sparse one" if spec.sparse else f"one of {len(spec.dims)}"
        raise PlanError(f"{stage} expects a dense tensor of the samples and one dimension or more, got {got}.")


def check_labels(spec: TensorSpec, schema: Schema, columns: tuple[str, str], stage: str) -> None:
    """Raise PlanError for a table that is none of the samples' targets."""
    schema.require(columns)
    dtype = spec.dims[spec.place(columns[0], stage)][1]
    if schema[columns[0]].dtype != dtype:
        dtypes = f"{dtype} in the tensor and {schema[columns[0]].dtype} in the table"
        raise PlanError(f"{stage} expects labels of one dtype in {columns[0]!r}, got {dtypes}. Cast one of them.")


def check_same_dims(spec: TensorSpec, samples: str, place: int, dims: Sequence[tuple[str, Any]], stage: str) -> None:
    """Raise PlanError unless a tensor has samples of the dimensions that the fit had."""
    if samples not in spec.names:
        raise ColumnError(f"{stage} expects a tensor with the dimension {samples!r}, got {listing(spec.names)}.")
    found = spec.names.index(samples)
    theirs = tuple(pair for at, pair in enumerate(spec.dims) if at != found)
    if theirs != tuple(dims) or found != place or spec.sparse:
        told = [listing(f"{name} ({dtype})" for name, dtype in pairs) for pairs in (dims, theirs)]
        msg = f"{stage} expects dense samples of the fit's dimensions, {told[0]}, with {samples!r} in its place, got {told[1]}."
        raise PlanError(msg)
