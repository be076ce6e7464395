"""The page for those who come from NetworkX and cuGraph names things that are there, and its example runs."""

from __future__ import annotations

import re
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import gpupipe
import gpupipe.graphs as gg

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "graphs.md").read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    table = PAGE.partition("| NetworkX |")[2].partition("\n\n")[0]
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    return found[1:]


def test_names_are_there() -> None:
    assert len(rows()) > 20
    for theirs, _, ours, _ in rows():
        for name in re.findall(r"`(networkx[\w.]*)`", theirs):
            reduce(getattr, name.split(".")[1:], import_module("networkx"))
        named = re.findall(r"`(\w+)`", ours)
        assert named
        assert [name for name in named if name not in gg.__all__] == []


def test_stages_are_there() -> None:
    (line,) = [line for line in PAGE.splitlines() if "`PageRank`" in line and line.startswith("|")]
    assert [name for name in re.findall(r"`(\w+)`", line) if not hasattr(gpupipe, name)] == []


def test_nothing_of_the_face_is_forgotten() -> None:
    results = {name for name in gg.__all__ if isinstance(getattr(gg, name), type)} - {"Graph"}
    assert [name for name in gg.__all__ if f"`{name}`" not in PAGE and name not in {*results, "edge_rule"}] == []


def test_the_examples_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 4
    made: dict[str, Any] = {}
    for code in examples:
        exec(code, made)
    club = made["club"]
    theirs = nx.pagerank(club, tol=1e-12)
    assert nx.get_node_attributes(club, "pagerank") == pytest.approx(theirs, abs=1e-7)
    matrix = nx.to_scipy_sparse_array(club, format="coo")
    graph = gg.from_edges(matrix.row, matrix.col, matrix.data, directed=False, listed="both")
    assert gg.pagerank(graph).values.tolist() == pytest.approx(list(theirs.values()), abs=1e-7)
    # Two groups of four that one edge joins: who is in a group lies in its direction.
    found = made["embedded"].sort("person").drop("person").to_numpy()
    places = found / np.linalg.norm(found, axis=1, keepdims=True)
    alike = places @ places.T
    assert alike[:4, :4].min() > alike[:4, 4:].max()


def test_names_are_sorted() -> None:
    assert sorted(gg.__all__) == list(gg.__all__)
