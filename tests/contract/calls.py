"""The calls that stand in the GPU engines' source: of which function or method, with how many arguments and which keywords."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ENGINES = tuple(ROOT / "gpupipe" / "engines" / name for name in ("cudf", "dask_cuda"))
KERNELS = ROOT / "gpupipe" / "kernels"
RAPIDS = ("cudf", "cuml", "cupy", "dask_cuda", "dask_cudf", "nvtx", "pylibcudf", "rmm", "xgboost")


@dataclass(frozen=True)
class Call:
    """One call: its dotted name where it begins at an import, else the method's name alone."""

    where: str
    name: str
    is_method: bool
    n_positional: int
    keywords: tuple[str, ...]
    is_open: bool  # has *args or **kwargs
    is_own: bool = False  # of `self`

    def bind(self, signature: inspect.Signature, *, bound: bool) -> None:
        """Raise TypeError where the arguments do not fit; `bound` where the signature still has `self`."""
        arguments = [None] * (self.n_positional + bound)
        signature_bind = signature.bind_partial if self.is_open else signature.bind
        signature_bind(*arguments, **dict.fromkeys(self.keywords))
        unknown = [name for name in self.keywords if name not in signature.parameters and name not in TAKEN.get(self.name, ())]
        if unknown:  # **kwargs takes a misspelled keyword, too
            msg = f"no parameter {unknown}"
            raise TypeError(msg)


def calls_of(path: Path) -> Iterator[Call]:
    """Yield every call in a source file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = _imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            dotted = _dotted(node.func, known)
            is_method = dotted is None and isinstance(node.func, ast.Attribute)
            name = dotted or (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "<expression>"))
            is_open = any(isinstance(one, ast.Starred) for one in node.args) or any(one.arg is None for one in node.keywords)
            n_positional = sum(not isinstance(one, ast.Starred) for one in node.args)
            keywords = tuple(one.arg for one in node.keywords if one.arg is not None)
            is_own = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "self"
            yield Call(f"{path.relative_to(ROOT)}:{node.lineno}", name, is_method, n_positional, keywords, is_open, is_own)


def _imports(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for; ``xp`` is CuPy, and a module that is imported by its name is that module."""
    known = {"xp": "cupy"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {
                alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0] for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
            given = node.value
            if getattr(given.func, "id", "") == "import_module" and given.args and isinstance(given.args[0], ast.Constant):
                known[node.targets[0].id] = str(given.args[0].value)
    return known


def _dotted(node: ast.expr, known: dict[str, str]) -> str | None:
    """Return the dotted name that an expression is, with imports resolved, or None where it begins at no import."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in known:
        return None
    return ".".join([known[node.id], *reversed(parts)])


def resolve(dotted: str) -> Any:
    """Return the object of a dotted name."""
    parts = dotted.split(".")
    for size in range(len(parts), 0, -1):
        module = ".".join(parts[:size])
        try:
            found = importlib.import_module(module)
        except ImportError:
            continue
        for part in parts[size:]:
            found = getattr(found, part)
        return found
    msg = f"there is no module for {dotted}"
    raise ModuleNotFoundError(msg)


def signature_of(dotted: str, found: Any) -> inspect.Signature | None:
    """Return the signature of an object, from its stub where it is compiled; None where neither tells."""
    if type(found).__name__ == "ufunc":
        inputs = ", ".join(f"x{number}" for number in range(found.nin))
        return _read(f"({inputs}, out=None, dtype=None, casting='same_kind')")
    try:
        return inspect.signature(found)
    except (ValueError, TypeError):
        return _stubbed(found) or WRITTEN.get(dotted)


def _stubbed(found: Any) -> inspect.Signature | None:
    """Return the signature that the ``.pyi`` file beside a compiled module gives a class, a function or a method."""
    owner = getattr(found, "__objclass__", None) or getattr(found, "__self__", None)
    module = getattr(owner, "__module__", None) or getattr(found, "__module__", None)
    spec = importlib.util.find_spec(module) if module else None
    stub = None if spec is None or spec.origin is None else Path(spec.origin).parent / f"{module.rpartition('.')[2]}.pyi"
    if stub is None or not stub.exists():
        return None
    tree = ast.parse(stub.read_text(encoding="utf-8")).body
    if isinstance(owner, type):
        (tree,) = [node.body for node in tree if isinstance(node, ast.ClassDef) and node.name == owner.__name__] or [[]]
    for node in tree:
        if isinstance(node, ast.FunctionDef) and node.name == found.__name__:
            is_class_method = any(getattr(one, "id", "") == "classmethod" for one in node.decorator_list)
            return _signature(node.args, skip=int(is_class_method))
        if isinstance(node, ast.ClassDef) and node.name == found.__name__:
            made = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
            return _signature(made[0].args, skip=1) if made else inspect.Signature()
    return None


def _signature(arguments: ast.arguments, skip: int) -> inspect.Signature:
    """Return the signature of parsed arguments."""
    kinds = inspect.Parameter
    positional = [*arguments.posonlyargs, *arguments.args][skip:]
    n_required = len(positional) - len(arguments.defaults)
    made = [
        kinds(one.arg, kinds.POSITIONAL_OR_KEYWORD, default=kinds.empty if place < n_required else None)
        for place, one in enumerate(positional)
    ]
    if arguments.vararg is not None:
        made.append(kinds(arguments.vararg.arg, kinds.VAR_POSITIONAL))
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        made.append(kinds(one.arg, kinds.KEYWORD_ONLY, default=kinds.empty if default is None else None))
    if arguments.kwarg is not None:
        made.append(kinds(arguments.kwarg.arg, kinds.VAR_KEYWORD))
    return inspect.Signature(made)


def _read(text: str) -> inspect.Signature:
    """Return the signature written as ``(a, b=None)``."""
    node = ast.parse(f"def f{text}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    return _signature(node.args, skip=0)


# Compiled functions that ship neither a signature nor a stub, as their source writes them.
WRITTEN = {
    "cupy.cuda.set_allocator": _read("(allocator=None)"),  # cupy/cuda/memory.pyx
    "cupy.ndarray.argmax": _read("(self, axis=None, out=None, dtype=None, keepdims=False)"),  # cupy/_core/core.pyx, and those below
    "cupy.ndarray.astype": _read("(self, dtype, order='K', casting=None, subok=None, copy=True)"),
    "cupy.ndarray.ravel": _read("(self, order='C')"),
    "cupy.ndarray.sum": _read("(self, axis=None, dtype=None, out=None, keepdims=False)"),
    "cupy.cuda.MemoryPool.free_all_blocks": _read("(self, stream=None)"),  # cupy/cuda/memory.pyx
    "cupy.cuda.Device": _read("(device=None)"),  # cupy/cuda/device.pyx, and below
    "cupy.cuda.Device.synchronize": _read("(self)"),
    "cupy.cuda.runtime.getDevice": _read("()"),  # cupy_backends/cuda/api/runtime.pyx, and below
    "cupy.cuda.runtime.getDeviceProperties": _read("(device)"),
}
# Keywords that a function takes through **kwargs, by its documentation.
TAKEN = {
    "access": ("mode", "scope"),
    "set_params": ("callbacks", "device"),
    "xgboost.config_context": ("verbosity",),
    "xgboost.set_config": ("use_rmm",),
}


def references_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield where and by which dotted name a source file refers to something of RAPIDS."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = _imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in RAPIDS:
            for alias in node.names:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", f"{node.module}.{alias.name}"
        dotted = _dotted(node, known) if isinstance(node, ast.Attribute) else None
        if dotted is not None and dotted.split(".")[0] in RAPIDS:
            yield f"{path.relative_to(ROOT)}:{node.lineno}", dotted
