"""What `gpupipe.graphs` takes from an array's library is in CuPy, too, and takes the same arguments there."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path

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
