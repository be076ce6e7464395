"""What `gpupipe.graphs` takes from an array's library is in CuPy, too, with the same arguments; and its calls of cuGraph bind."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from gpupipe.graphs import _libraries

FOLDER = Path(__file__).resolve().parents[2] / "gpupipe" / "graphs"


def calls() -> list[tuple[str, int, set[str], str]]:
    """Each call of ``xp.name(...)``: the name, how many arguments, which by keyword, and where."""
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            owner = ast.unparse(node.func.value)
            if owner in ("xp", "self.xp", "graph.xp", "view.xp", "self._xp") or owner.startswith("array_module("):
                starred = any(isinstance(argument, ast.Starred) for argument in node.args)
                keywords = {keyword.arg for keyword in node.keywords if keyword.arg}
                found.append((node.func.attr, -1 if starred else len(node.args), keywords, f"{path.name}:{node.lineno}"))
    return found


def test_every_call_binds() -> None:
    cupy = import_module("cupy")
    asked = calls()
    assert len({name for name, *_ in asked}) > 30
    wrong = []
    for name, n_arguments, keywords, where in asked:
        function = getattr(cupy, name, None)
        if function is None:
            wrong.append(f"{where}: {name} is not there")
            continue
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # a type or a ufunc
            continue
        try:
            signature.bind(*[None] * max(n_arguments, 0), **dict.fromkeys(keywords))
        except TypeError as error:
            wrong.append(f"{where}: {name}: {error}")
    assert wrong == []


def test_the_matrices_are_there() -> None:
    sparse = import_module("cupyx.scipy.sparse")
    for name in ("tocsc", "tocsr", "tocoo", "__matmul__"):
        assert callable(getattr(sparse.csr_matrix, name))
    for ufunc in ("minimum", "maximum"):
        assert callable(getattr(import_module("cupy"), ufunc).at)


# The functions of cuGraph that are called, and the columns that are taken of each result.
COLUMNS = {
    "betweenness_centrality": {"vertex", "betweenness_centrality"},
    "bfs": {"vertex", "distance"},
    "core_number": {"vertex", "core_number"},
    "jaccard": {"jaccard_coeff"},
    "leiden": {"vertex", "partition"},
    "louvain": {"vertex", "partition"},
    "minimum_spanning_tree": {"src", "dst"},
    "overlap": {"overlap_coeff"},
    "pagerank": {"vertex", "pagerank"},
    "sorensen": {"sorensen_coeff"},
    "sssp": {"vertex", "distance", "predecessor"},
    "strongly_connected_components": {"vertex", "labels"},
    "triangle_count": {"vertex", "counts"},
    "weakly_connected_components": {"vertex", "labels"},
}


def calls_of_cugraph() -> list[tuple[str, ast.Call]]:
    """Each call of a function of cuGraph's, or of a method of its graphs, and its name."""
    found = []
    for node in ast.walk(ast.parse((FOLDER / "_cugraph.py").read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        text = ast.unparse(node.func)
        if text == "getattr(cugraph(), measure)":
            found += [(name, node) for name in ("jaccard", "overlap", "sorensen")]
        elif text.startswith(("cugraph().", "library.")) and text.count(".") == 1:
            found.append((text.rpartition(".")[2], node))
        elif isinstance(node.func, ast.Attribute) and node.func.attr in ("from_cudf_edgelist", "view_edge_list"):
            found.append((f"Graph.{node.func.attr}", node))
    return found


def test_every_call_of_cugraph_binds() -> None:
    cugraph = _libraries.cugraph()
    called = calls_of_cugraph()
    assert {name for name, _ in called} == {*COLUMNS, "Graph", "Graph.from_cudf_edgelist", "Graph.view_edge_list"}
    implementation = import_module("cugraph.structure.graph_implementation").simpleGraphImpl  # which a graph passes its methods on to
    for name, call in called:
        owner = implementation if name == "Graph.view_edge_list" else cugraph.Graph if name.startswith("Graph.") else cugraph
        signature = inspect.signature(getattr(owner, name.rpartition(".")[2]))
        keywords = {each.arg for each in call.keywords if each.arg}
        bound = len(call.args) + name.startswith("Graph.")
        signature.bind(*[None] * bound, **dict.fromkeys(keywords))  # raises TypeError


@pytest.mark.parametrize("name", COLUMNS)
def test_the_columns_of_results_are_there(name: str) -> None:
    module = inspect.getsource(import_module(getattr(_libraries.cugraph(), name).__module__))
    own = (FOLDER / "_cugraph.py").read_text(encoding="utf-8")
    for column in COLUMNS[name]:
        assert f'"{column}"' in module
        assert f'"{column}"' in own or "{measure}_coeff" in own


def test_importing_it_leaves_the_way_of_shuffling() -> None:
    asked = 'print(dask.config.get("dataframe.shuffle.method", None))'
    script = f"import dask; {asked}; from gpupipe.graphs import _libraries; _libraries.cugraph(); {asked}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    before, after = done.stdout.split()
    assert before == after
