"""Contraction of tensors, written as for ``einsum``, done by matrix products on views of the operands.

A product of two tensors is one matrix product where its groups of labels lie together in memory; else a batch of them over one or two
labels, which are strides to the library's batched product; a copy is made only where that is cheaper. Several operands are multiplied in
pairs, in the order of `gpupipe.tensors._path`.

Source: Shi, Niranjan, Anandkumar, Cecka, "Tensor contractions with extended BLAS kernels on CPU and GPU", HiPC 2016 (arXiv 1606.05696).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise, permutations
from math import prod
from string import ascii_letters
from typing import Any, TypeAlias

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module
from gpupipe.tensors._path import find_path

_RATE, _TRAFFIC, _LAUNCH = 2e10, 4e9, 4e-7  # multiplications and bytes a second, seconds for a product of a batch: for comparing plans only
_LONG, _SLOWER = 4096, 1.25  # a very long matrix is slower than as many short ones, which stay in the cache
_MOST_LOOPED = 2
_MOST_PERMUTED = 4  # labels of a group: the orders in which they may lie together
Strides: TypeAlias = tuple[tuple[str, int, int], ...]  # of an operand, for each label: its size and its stride in elements


def contract(subscripts: str, *operands: Any) -> Any:
    """Return the sum of products that the subscripts name, as ``einsum`` does.

    The result may lie in memory in another order than its labels have, as that of ``einsum(optimize=True)`` may.

    Parameters
    ----------
    subscripts
        Labels of each operand, and of the result: ``"ijk,kl->ijl"``. Without an arrow the result has each label that stands once, in the
        alphabet's order. ``...`` is not taken.
    operands
        Arrays of one library.

    Raises
    ------
    UsageError
        The subscripts do not fit the operands, or name a label twice in the result.

    Examples
    --------
    >>> import numpy as np
    >>> contract("ij,jk,k->i", np.eye(2), np.ones((2, 3)), np.ones(3))
    array([3., 3.])
    """
    labels, output = _parsed(subscripts, len(operands))
    sizes = _sizes(labels, [tuple(operand.shape) for operand in operands])
    xp = array_module(operands[0])
    named = [_diagonal(xp, operand, one) for operand, one in zip(operands, labels, strict=True)]
    listed = [_summed(array, one, _others(named, place, output)) for place, (array, one) in enumerate(named)]
    if len(listed) == 1:
        array, one = listed[0]
        return array.transpose([one.index(label) for label in output])
    for first, second in find_path([one for _, one in listed], output, sizes):
        pair = (listed[first], listed[second])
        rest = [one for place, one in enumerate(listed) if place not in (first, second)]
        wanted = output if not rest else _kept(pair, {label for _, one in rest for label in one} | set(output))
        listed = [*rest, (_multiplied(xp, *pair, wanted), wanted)]
    return listed[0][0]


def _parsed(subscripts: str, n_operands: int) -> tuple[list[str], str]:
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    labels = inputs.split(",")
    if len(labels) != n_operands:
        raise UsageError(f"contract got {n_operands} arrays for subscripts {subscripts!r}, which name {len(labels)}.")
    unknown = sorted(set(inputs + output) - set(ascii_letters) - {","})
    if unknown:
        raise UsageError(f"Subscripts are letters, commas and an arrow; {subscripts!r} has {''.join(unknown)!r}.")
    every = inputs.replace(",", "")
    if not arrow:
        output = "".join(sorted(label for label in set(every) if every.count(label) == 1))
    if len(set(output)) < len(output) or not set(output) <= set(every):
        raise UsageError(f"The result {output!r} of {subscripts!r} has each label once, and only labels of the operands.")
    return labels, output


def _sizes(labels: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for one, shape in zip(labels, shapes, strict=True):
        if len(one) != len(shape):
            raise UsageError(f"Subscripts {one!r} are {len(one)} for an array of shape {shape}.")
        for label, size in zip(one, shape, strict=True):
            if sizes.setdefault(label, size) != size:
                raise UsageError(f"Label {label!r} has size {sizes[label]} in one array and {size} in another, of shape {shape}.")
    return sizes


def _diagonal(xp: Any, array: Any, labels: str) -> tuple[Any, str]:
    """Return a view with each label once: a repeated one is a walk along the diagonal."""
    while len(set(labels)) < len(labels):
        label = next(one for one in labels if labels.count(one) > 1)
        first = labels.index(label)
        second = labels.index(label, first + 1)
        array = xp.diagonal(array, axis1=first, axis2=second)  # puts the diagonal last
        labels = labels[:first] + labels[first + 1 : second] + labels[second + 1 :] + label
    return array, labels


def _others(named: Sequence[tuple[Any, str]], place: int, output: str) -> set[str]:
    return {label for other, (_, one) in enumerate(named) if other != place for label in one} | set(output)


def _summed(array: Any, labels: str, wanted: set[str]) -> tuple[Any, str]:
    """Return the array summed over labels that nobody else has."""
    alone = tuple(place for place, label in enumerate(labels) if label not in wanted)
    return (array.sum(axis=alone), "".join(label for label in labels if label in wanted)) if alone else (array, labels)


def _kept(pair: tuple[tuple[Any, str], tuple[Any, str]], wanted: set[str]) -> str:
    """Return the labels of a product on the way: those that are still wanted, batches first."""
    left, right = pair[0][1], pair[1][1]
    both = [label for label in left if label in right and label in wanted]
    return "".join([*both, *(one for one in left + right if one in wanted and one not in both)])


@dataclass(frozen=True)
class _Plan:
    """How two tensors are multiplied: which labels are looped over by the batched product, and the order of those in each group."""

    loops: str
    rows: str
    summed: str
    columns: str
    cost: float


def _multiplied(xp: Any, left: tuple[Any, str], right: tuple[Any, str], output: str) -> Any:
    """Return the product of two tensors, its labels in the order of `output`."""
    (a, a_labels), (b, b_labels) = left, right
    dtype = xp.result_type(a, b)
    if dtype.kind not in "fc":  # whole numbers have no fast product, but an exact one
        return xp.einsum(f"{a_labels},{b_labels}->{output}", a, b)
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    plan = _plan(_strides(a, a_labels), _strides(b, b_labels), output, a.itemsize)
    sizes = dict(zip(a_labels + b_labels, a.shape + b.shape, strict=True))
    first = _as_matrices(a, a_labels, plan.loops, plan.rows, plan.summed, sizes)
    second = _as_matrices(b, b_labels, plan.loops, plan.summed, plan.columns, sizes)
    order = plan.loops + plan.rows + plan.columns
    product = xp.matmul(first, second).reshape([sizes[label] for label in order])
    return product.transpose([order.index(label) for label in output])


def _as_matrices(array: Any, labels: str, loops: str, rows: str, columns: str, sizes: Mapping[str, int]) -> Any:
    """Return the array as a batch of matrices; a loop that it does not have is of size 1. A view where the groups lie together."""
    own = [label for label in loops if label in labels]
    turned = array.transpose([labels.index(label) for label in (*own, *rows, *columns)])
    shape = [sizes[label] if label in labels else 1 for label in loops]
    return turned.reshape(*shape, prod(sizes[label] for label in rows), prod(sizes[label] for label in columns))


def _strides(array: Any, labels: str) -> Strides:
    return tuple((label, size, stride // array.itemsize) for label, size, stride in zip(labels, array.shape, array.strides, strict=True))


@lru_cache(maxsize=1024)
def _plan(a: Strides, b: Strides, output: str, itemsize: int) -> _Plan:
    """Return the cheapest way to multiply two tensors that lie in memory like these."""
    a_labels, b_labels = [one[0] for one in a], [one[0] for one in b]
    batch = "".join(label for label in a_labels if label in b_labels and label in output)
    summed = [label for label in a_labels if label in b_labels and label not in output]
    rows, columns = [one for one in a_labels if one not in b_labels], [one for one in b_labels if one not in a_labels]
    plans = (
        _costed(a, b, _Plan(batch + "".join(loops), *groups, 0.0), itemsize)
        for n_loops in range(_MOST_LOOPED + 1)
        for loops in combinations([*rows, *columns], n_loops)
        for groups in _groupings(rows, summed, columns, loops)
    )
    # of plans of one cost, the one whose result lies in the order of its labels, so that what comes after has it easy
    return min(plans, key=lambda plan: (plan.cost, plan.loops + plan.rows + plan.columns != output))


def _groupings(rows: Sequence[str], summed: Sequence[str], columns: Sequence[str], loops: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the orders in which the labels of each group may stand."""
    groups = [[label for label in group if label not in loops] for group in (rows, summed, columns)]
    orders = [list(permutations(group)) if len(group) <= _MOST_PERMUTED else [tuple(group)] for group in groups]
    for first in orders[0]:
        for second in orders[1]:
            for third in orders[2]:
                yield "".join(first), "".join(second), "".join(third)


def _costed(a: Strides, b: Strides, plan: _Plan, itemsize: int) -> _Plan:
    """Return the plan with what it costs, in seconds on no machine in particular."""
    sizes = {label: size for label, size, _ in (*a, *b)}
    n_loops = prod(sizes[label] for label in plan.loops)
    n_rows, n_summed, n_columns = (prod(sizes[label] for label in group) for group in (plan.rows, plan.summed, plan.columns))
    # a product with a vector, or with a thin matrix, is bound by memory: it costs as if it were eight wide
    work = n_loops * max(n_rows, 8) * max(n_summed, 8) * max(n_columns, 8) / _RATE + n_loops * _LAUNCH
    if max(n_rows, n_columns) > _LONG:
        work *= _SLOWER
    copied = 0
    for strides, groups in ((a, (plan.rows, plan.summed)), (b, (plan.summed, plan.columns))):
        if not _is_view(strides, groups):
            copied += prod(size for _, size, _ in strides)
    return _Plan(plan.loops, plan.rows, plan.summed, plan.columns, work + 2 * copied * itemsize / _TRAFFIC)


def _is_view(strides: Strides, groups: tuple[str, str]) -> bool:
    """Whether an operand's two groups lie together, and one of them runs through memory element by element, as BLAS wants."""
    step = {label: stride for label, _, stride in strides}
    size = {label: size for label, size, _ in strides}
    innermost = []
    for group in groups:
        held = [label for label in group if size[label] != 1]
        if any(step[first] != step[second] * size[second] for first, second in pairwise(held)):
            return False
        innermost.append(step[held[-1]] if held else 1)
    return 1 in innermost and min(innermost) > 0
