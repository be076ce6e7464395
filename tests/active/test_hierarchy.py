"""Label hierarchies, read from tables and held to NetworkX."""

from __future__ import annotations

import networkx as nx
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.active.hierarchy import LabelHierarchy
from gpupipe.active.partial import ask_round
from gpupipe.core.errors import ColumnError, UsageError


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=14))
def test_sets_are_what_networkx_finds_below_each_node(pairs: list[tuple[int, int]]) -> None:
    """Parents have the smaller number, so that there is no cycle."""
    edges = [(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]]
    graph = nx.DiGraph(edges)
    table = pa.table({"parent": [f"n{a}" for a, _ in edges], "child": [f"n{b}" for _, b in edges]})
    leaves = {node for node in graph if graph.out_degree(node) == 0}
    if len(leaves) < 2:
        with pytest.raises(UsageError, match="two classes or more"):
            LabelHierarchy.from_table(table.cast(pa.schema([("parent", pa.string()), ("child", pa.string())])))
        return
    made = LabelHierarchy.from_table(table)
    assert set(made.classes) == {f"n{node}" for node in leaves}
    below = {frozenset(f"n{one}" for one in (nx.descendants(graph, node) | {node}) & leaves) for node in graph}
    assert {frozenset(made.names_of(number)) for number in range(len(made.sets))} == {one for one in below if len(one) < len(leaves)}
    assert len(set(made.sets)) == len(made.sets)


def test_a_tree_is_runs_and_halves_are_too() -> None:
    rows = pl.DataFrame({"child": [f"c{number}" for number in range(12)], "parent": [f"p{number % 3}" for number in range(12)]})
    made = LabelHierarchy.from_table(rows)
    assert made.is_tree and len(made.sets) == 15
    halved = made.halved()
    assert halved.is_tree and set(made.sets) < set(halved.sets)
    possible, n_asked = np.ones(12, bool), 0
    while possible.sum() > 1:  # a set that halves what is left is always there, near enough
        inside = (halved.matrix & possible).sum(axis=1)
        best = int(np.argmin(np.abs(2 * inside - possible.sum())))
        possible &= halved.matrix[best] == halved.matrix[best][7]
        n_asked += 1
    assert possible.tolist() == [place == 7 for place in range(12)] and n_asked <= 5


def test_halves_of_sets_that_overlap_have_each_class_once() -> None:
    """Else a question is worth something whose answer is known, and is asked for ever."""
    pairs = [("a", "l"), ("b", "l"), ("b", "r"), ("c", "r"), ("d", None), ("e", None)]
    made = LabelHierarchy.from_table(pa.table({"child": [one for one, _ in pairs], "parent": [above for _, above in pairs]})).halved()
    assert {("a", "b"), ("b", "c"), ("a", "b", "c")} < {tuple(made.names_of(number)) for number in range(len(made.sets))}
    assert all(list(one) == sorted(set(one)) for one in made.sets)
    truth, p = np.arange(5), np.eye(5)[[1, 1, 1, 1, 1]]
    possible, n_asked = ask_round(
        p,
        np.ones((5, 5), bool),
        np.arange(5, dtype=np.uint64),
        made,
        60,
        lambda rows, asked: made.matrix[asked, truth[rows]],
        method="ALPF-EIG",
    )
    assert possible.argmax(axis=1).tolist() == truth.tolist() and (possible.sum(axis=1) == 1).all() and n_asked < 25


def test_a_cycle_is_told() -> None:
    table = pa.table({"child": ["a", "x", "y", "z"], "parent": ["x", "y", "z", "x"]})
    with pytest.raises(UsageError, match=r"got a cycle: x -> z -> y -> x\. Take one of these rows out"):
        LabelHierarchy.from_table(table)
    below_a_root = pa.table({"child": ["a", "x", "y", "x"], "parent": ["root", "root", "x", "y"]})
    with pytest.raises(UsageError, match="got a cycle: x -> y -> x"):
        LabelHierarchy.from_table(below_a_root)


def test_what_is_wrong_is_told() -> None:
    for sets in (((1, 0),), ((0, 0),), ((0, 3),), ((0, 1, 2),), ((),)):
        with pytest.raises(UsageError, match="sets of some of 3 classes, their places ascending"):
            LabelHierarchy(("a", "b", "c"), ("q",), sets)
    with pytest.raises(UsageError, match="a set for each question, got 2 and 1"):
        LabelHierarchy(("a", "b", "c"), ("q", "r"), ((0,),))
    chain = pa.table(
        {"child": [*(f"n{number}" for number in range(400)), "z"], "parent": [*(f"n{number + 1}" for number in range(400)), "n9"]}
    )
    with pytest.raises(UsageError, match="300 levels at most"):
        LabelHierarchy.from_table(chain)
    with pytest.raises(ColumnError, match="'parent'"):
        LabelHierarchy.from_table(pa.table({"child": ["a"], "parents": ["b"]}))
    with pytest.raises(UsageError, match="got none in row 1"):
        LabelHierarchy.from_table(pa.table({"child": ["a", None], "parent": ["b", "b"]}))
    with pytest.raises(UsageError, match="got list"):
        LabelHierarchy.from_table([("a", "b")])
    with pytest.raises(UsageError, match=r"one of the 2 classes, got 'catt'\. Did you mean 'cat'"):
        LabelHierarchy.flat(["cat", "dog"]).place_of("catt")
    assert LabelHierarchy.flat(["cat", "dog"]).sets == ((0,), (1,))
