"""Graphs to test with: real ones from their files, small random ones, and the same in NetworkX's form."""

from __future__ import annotations

import csv
import gzip
import json
import re
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from hypothesis import strategies as st

import gpupipe.graphs as gg


class Rows(NamedTuple):
    """The rows of an edge file: ids of its ends by their keys in ascending order, and weights."""

    keys: Any
    source: Any
    destination: Any
    weight: Any | None

    @property
    def n_vertices(self) -> int:
        return len(self.keys)


def numbered(source: Any, destination: Any, weight: Any | None = None, vertices: Any = ()) -> Rows:
    """Return the rows with their keys numbered in ascending order."""
    ends = np.concatenate([np.asarray(source), np.asarray(destination)])
    keys = np.unique(np.concatenate([ends, np.asarray(vertices, ends.dtype)]))
    numbers = np.searchsorted(keys, ends)
    return Rows(keys, numbers[: len(source)], numbers[len(source) :], weight)


@cache
def real_rows(folder: Path, name: str) -> Rows:
    """Return the rows of a real graph's file; what is no edge in it is left out."""
    path = next(path for path in (folder / f"{name}.txt.gz", folder / "cugraph" / f"{name}.csv") if path.is_file())
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    # SNAP's files have comments and an address; oregon1 has a count at its top and -1 at its end.
    fields = [line.split() for line in text.splitlines() if not line.startswith(("#", "http"))]
    rows = [row for row in fields if len(row) >= 2]
    kind: Callable[[str], Any] = int if rows[0][0].lstrip("-").isdigit() else str
    weight = np.array([float(row[2]) for row in rows]) if len(rows[0]) > 2 else None
    return numbered([kind(row[0]) for row in rows], [kind(row[1]) for row in rows], weight)


DIRECTED = ("email-Eu-core", "wiki-Vote")
REAL = ("karate", "dolphins", "polbooks", "netscience", "email-Eu-core", "facebook_combined", "ca-GrQc", "wiki-Vote", "oregon1_010331")


@cache
def real_graph(folder: Path, name: str, *, weighted: bool = False) -> gg.Graph:
    """Return a real graph, by default without weights, in which listing both ways is folding."""
    rows = real_rows(folder, name)
    if weighted:
        return gg.from_edges(*rows[1:], rows.n_vertices, directed=name in DIRECTED, listed="both")
    return gg.from_edges(rows.source, rows.destination, None, rows.n_vertices, directed=name in DIRECTED)


@st.composite
def edge_rows(draw: st.DrawFn, most: int = 12, *, weights: bool | None = None) -> tuple[list[tuple[int, int, float]], int, bool]:
    """Draw rows of a multigraph with loops and vertices without edges, their weights with zeros, and whether they have any."""
    n_vertices = draw(st.integers(1, most))
    vertex = st.integers(0, n_vertices - 1)
    weight = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0])
    rows = draw(st.lists(st.tuples(vertex, vertex, weight), max_size=3 * n_vertices))
    return rows, n_vertices, draw(st.booleans()) if weights is None else weights


@st.composite
def graphs(draw: st.DrawFn, most: int = 12, *, directed: bool | None = None, weights: bool | None = None) -> gg.Graph:
    """Draw a small graph."""
    rows, n_vertices, weighted = draw(edge_rows(most, weights=weights))
    is_directed = draw(st.booleans()) if directed is None else directed
    source, destination = (np.array([row[at] for row in rows], np.int64) for at in (0, 1))
    weight = np.array([row[2] for row in rows]) if weighted else None
    return gg.from_edges(source, destination, weight, n_vertices, directed=is_directed, duplicates="sum" if weighted else None)


def to_networkx(graph: gg.Graph) -> Any:
    """Return the graph in NetworkX's form, weights under ``"weight"`` where there are any."""
    made = nx.DiGraph() if graph.directed else nx.Graph()
    made.add_nodes_from(range(graph.n_vertices))
    source, destination, weight = graph.edges()
    if weight is None:
        made.add_edges_from(zip(source.tolist(), destination.tolist(), strict=True))
    else:
        made.add_weighted_edges_from(zip(source.tolist(), destination.tolist(), weight.tolist(), strict=True))
    return made


def values(by_vertex: dict[int, Any]) -> Any:
    """Return NetworkX's numbers by vertex as an array."""
    return np.array([by_vertex[vertex] for vertex in range(len(by_vertex))])


class Ldbc(NamedTuple):
    """An example of LDBC Graphalytics: the graph, its keys, the parameters, and what is to come out."""

    graph: gg.Graph
    keys: Any
    parameters: dict[str, Any]
    folder: Path
    name: str

    def expected(self, algorithm: str) -> Any:
        """Return the values of an algorithm by vertex, as text."""
        path = self.folder / "example" / f"example-{self.name}-{algorithm}"
        found = dict(line.split() for line in path.read_text().splitlines())
        return [found[str(key)] for key in self.keys]

    def vertex(self, key: int) -> int:
        return int(np.searchsorted(self.keys, key))


@cache
def ldbc(graph_folder: Path, name: str) -> Ldbc:
    """Return the example ``"directed"`` or ``"undirected"``."""
    folder = graph_folder / "ldbc_graphalytics"
    text = folder / "example" / f"example-{name}.e"
    rows = [line.split() for line in text.read_text().splitlines()]
    vertices = [int(line) for line in text.with_suffix(".v").read_text().split()]
    made = numbered([int(r[0]) for r in rows], [int(r[1]) for r in rows], np.array([float(r[2]) for r in rows]), vertices)
    graph = gg.from_edges(*made[1:], made.n_vertices, directed=name == "directed")
    return Ldbc(graph, made.keys, json.loads((folder / "parameters.json").read_text())[name], folder, name)


def cugraph_results(graph_folder: Path) -> list[tuple[dict[str, str], dict[str, dict[int, float]]]]:
    """Return cuGraph's reference results: how each was asked for, and each column of it by vertex."""
    found = []
    with tarfile.open(graph_folder / "cugraph" / "traversal_resultsets.tar.gz") as held:
        texts = {Path(member.name).name: held.extractfile(member).read().decode() for member in held if member.isfile()}  # type: ignore[union-attr]
    for line in texts["traversal_mappings.csv"].splitlines()[1:]:
        name, *pairs = re.split(r"[\s,]+", line.strip(" ,"))
        rows = list(csv.DictReader(texts[f"{name}.csv"].splitlines()))
        columns = {column: {int(row["vertex"]): float(row[column]) for row in rows} for column in rows[0] if column != "vertex"}
        found.append((dict(zip(pairs[::2], pairs[1::2], strict=True)), columns))
    return found
