"""Which of many vertices are neighbours of others: what common neighbours, triangles and trusses are made of.

A question is a vertex whose neighbours are marked, and a range of edges whose ends are looked up among the marks. Questions are put in the
order of their marked vertex, so that its row in a small table is written once, and a table of some tens of megabytes serves for any graph.
Looking up is then one gather from a row that stays in the cache; a search among sorted edges takes four times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from gpupipe.graphs._arrays import array_module, first_of_equals, positions_of_ranges, sums_of_ranges
from gpupipe.graphs.graph import Rows

_ROWS = 128  # of marks, if they fit into the bytes below
_HOST_TABLE, _DEVICE_TABLE = (1 << 22, 1 << 26), (1 << 28, 1 << 31)  # least and most bytes of marks
_HOST_BLOCK, _DEVICE_BLOCK = 1 << 18, 1 << 26  # ends looked up at a time


class Looked(NamedTuple):
    """A block of answers.

    Parameters
    ----------
    questions
        Which questions they are of.
    counts
        How many ends each of these has.
    positions
        Where the ends stand among the edges.
    ends
        The vertices looked up.
    found
        The value of the marked vertex's edge to each, 0 where there is none.
    """

    questions: Any
    counts: Any
    positions: Any
    ends: Any
    found: Any


def lookups(rows: Rows, marked: Any, starts: Any, counts: Any, values: Any) -> Iterator[Looked]:
    """Yield the answers to questions: for question i, the edges ``starts[i]`` to ``starts[i] + counts[i]`` by their ends.

    Parameters
    ----------
    values
        Of each edge, what is found where it is met; none is 0.
    """
    xp = array_module(marked)
    n_vertices = len(rows.offsets) - 1
    on_host = xp is np
    asked = xp.flatnonzero(counts)
    asked = asked[xp.argsort(marked[asked])]
    if not len(asked):
        return
    marked = marked[asked]
    firsts = xp.flatnonzero(first_of_equals(marked))
    vertices = marked[firsts]
    least, most = _HOST_TABLE if on_host else _DEVICE_TABLE
    row_bytes = n_vertices * values.dtype.itemsize
    n_rows = max(1, min(len(vertices), max(least, min(most, _ROWS * row_bytes)) // row_bytes))
    firsts = [*firsts[::n_rows].tolist(), len(asked)]  # where each table's questions begin
    table = xp.zeros(n_rows * n_vertices, values.dtype)
    for number, (begin, end) in enumerate(pairwise(firsts)):
        of_table = vertices[number * n_rows : (number + 1) * n_rows]
        degrees = rows.offsets[of_table + 1] - rows.offsets[of_table]
        edges = positions_of_ranges(rows.offsets[of_table], degrees)
        bases = xp.arange(len(of_table)) * n_vertices
        places = xp.repeat(bases, degrees) + rows.neighbours[edges]
        table[places] = values[edges]
        base = bases[xp.cumsum(first_of_equals(marked[begin:end])) - 1]
        sizes = counts[asked[begin:end]]
        for low, high in _blocks(sizes, _HOST_BLOCK if on_host else _DEVICE_BLOCK):
            questions, size = asked[begin + low : begin + high], sizes[low:high]
            positions = positions_of_ranges(starts[questions], size)
            ends = rows.neighbours[positions]
            place = xp.repeat(base[low:high], size)
            place += ends
            yield Looked(questions, size, positions, ends, table[place])
        table[places] = 0


def _blocks(sizes: Any, largest: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of questions that have at most so many ends together, or are one."""
    xp = array_module(sizes)
    ends = xp.cumsum(sizes, dtype=xp.int64)
    low, done = 0, 0
    while low < len(sizes):
        high = max(low + 1, int(xp.searchsorted(ends, done + largest, side="right")))
        yield low, high
        low, done = high, int(ends[high - 1])


def common_sums(rows: Rows, first: Any, second: Any, values: Any, terms: Sequence[Callable[[Looked], Any]]) -> list[Any]:
    """Return for each pair of vertices sums over its common neighbours, one for each term.

    Parameters
    ----------
    terms
        Each gives of a block of neighbours of one vertex of a pair, looked up among those of the other, what is added up; 0 where it was
        not found.
    """
    xp = array_module(first)
    degrees = xp.diff(rows.offsets)
    # The neighbours of the vertex that has fewer are looked up among those of the other one.
    turned = degrees[first] > degrees[second]
    few, many = xp.where(turned, second, first), xp.where(turned, first, second)
    sums: list[Any] = [None] * len(terms)
    for looked in lookups(rows, many, rows.offsets[few], degrees[few], values):
        for number, term in enumerate(terms):
            part = sums_of_ranges(term(looked), looked.counts)
            if sums[number] is None:
                sums[number] = xp.zeros(len(first), part.dtype)
            sums[number][looked.questions] = part
    return [xp.zeros(len(first)) if each is None else each for each in sums]
