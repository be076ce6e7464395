"""Functions, classes and modules of the user's own files, taken apart into what decides what they do.

Of a function that is its bytecode, its constants, defaults and closure, and the globals that it names, followed into the user's other
functions and modules. What libraries hold stands for itself, by name and version. The idea is that of dask.tokenize and of joblib's
hashing, except that what a function calls counts as well.
"""

from __future__ import annotations

import dataclasses
import dis
import functools
import importlib
import importlib.metadata
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

_PACKAGE = "gpupipe"
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME")
# What a class holds beside what it was defined with.
_INCIDENTAL = frozenset(
    """__dict__ __weakref__ __doc__ __module__ __qualname__ __firstlineno__ __static_attributes__ __annotations__ __annotate__
    __annotate_func__ __annotations_cache__ __dataclass_fields__ __dataclass_params__ __match_args__ __abstractmethods__ _abc_impl
    __parameters__ __orig_bases__ __slotnames__""".split()  # noqa: SIM905  (a line each is a screen of them)
)


class UnaddressableError(Exception):
    """A value from which no address can be made; the message says which and why."""


class Missing(Enum):
    """Stands for what a name or a closure's cell does not hold."""

    VALUE = "missing"


@functools.cache
def _library_folders() -> tuple[Path, ...]:
    """Return the folders of the standard library and of installed packages."""
    paths = sysconfig.get_paths()
    found = {Path(paths[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found.add(Path(importlib.util.__file__).resolve().parents[1])
    return (*found, Path(__file__).resolve().parents[1])


@functools.cache
def is_own_file(name: str) -> bool:
    """Return whether a file is the user's own: neither of the standard library, nor of an installed package, nor of gpupipe.

    Examples
    --------
    >>> is_own_file("/flows/pipeline.py"), is_own_file(dis.__file__), is_own_file("<stdin>"), is_own_file("<frozen os>")
    (True, False, True, False)
    """
    if name.startswith("<"):
        return not name.startswith("<frozen")
    path = Path(name).resolve()
    if {"site-packages", "dist-packages"} & set(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in _library_folders())


def is_own_module(module: ModuleType | None) -> bool:
    """Return whether a module is one of the user's own files, or a folder of them."""
    if module is None or module.__name__.partition(".")[0] == _PACKAGE:
        return False
    if module.__name__ == "__main__":
        return True
    file = getattr(module, "__file__", None)
    return is_own_file(file) if file is not None else any(is_own_file(path) for path in getattr(module, "__path__", ()))


def is_own(value: Any) -> bool:
    """Return whether a function or class is defined in the user's own files."""
    if isinstance(value, FunctionType):
        return is_own_file(value.__code__.co_filename)
    return is_own_module(sys.modules.get(str(getattr(value, "__module__", None))))


def library_name(value: Any) -> tuple[str, str, str]:
    """Return the name and version by which a library's module, function or class stands for itself.

    Examples
    --------
    >>> library_name(Path.exists)[:2]
    ('pathlib', 'Path.exists')
    """
    if isinstance(value, ModuleType):
        module, name = value.__name__, ""
    else:
        module, name = str(getattr(value, "__module__", None) or "builtins"), getattr(value, "__qualname__", None) or value.__name__
    return module, name, _version(module.partition(".")[0])


@functools.cache
def _version(package: str) -> str:
    """Return a package's version; the standard library has Python's, gpupipe's is in every address."""
    if package in sys.stdlib_module_names or package == _PACKAGE:
        return ""
    told = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(told, str):
        return str(told)  # torch's is of a class of its own
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def function_parts(function: FunctionType) -> tuple[Any, ...]:
    """Return what decides what a function does: code, defaults, closure, and the globals that it names."""
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    closure = [(name, _content(cell)) for name, cell in cells]
    return code_parts(code), function.__defaults__, function.__kwdefaults__, closure, list(_named(function, code))


def library_function_parts(function: FunctionType) -> tuple[Any, ...]:
    """Return what decides what a library's function does: its name and version, and what it was made around, as a decorator's is."""
    module = str(function.__globals__.get("__name__"))
    inner = "<locals>" in function.__code__.co_qualname
    around = [_content(cell) for cell in function.__closure__ or ()]
    made = (function.__defaults__, function.__kwdefaults__, around) if inner else ()
    return module, function.__code__.co_qualname, _version(module.partition(".")[0]), made


def stands_for_itself(value: Any) -> bool:
    """Return whether a value is to be found in a library under the name that it has.

    Examples
    --------
    >>> stands_for_itself(len), stands_for_itself(object())
    (True, False)
    """
    name, module = getattr(value, "__qualname__", None), sys.modules.get(str(getattr(value, "__module__", None)))
    if not isinstance(name, str) or module is None or is_own_module(module):
        return False
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, Missing.VALUE)
    return found is value


def _content(cell: Any) -> Any:
    """Return what a closure's cell holds."""
    try:
        return cell.cell_contents
    except ValueError:  # not yet assigned
        return Missing.VALUE


def code_parts(code: CodeType) -> tuple[Any, ...]:
    """Return what decides what a code object does; where it stands in a file, and what it is called, does not."""
    constants = [code_parts(constant) if isinstance(constant, CodeType) else constant for constant in code.co_consts]
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return code.co_code, constants, counts, names, code.co_exceptiontable


def _named(function: FunctionType, code: CodeType) -> Iterator[tuple[str, Any]]:
    """Yield what the code, and the code inside it, takes from outside: globals, attributes of the user's modules, imports."""
    instructions = list(dis.get_instructions(code))
    for at, instruction in enumerate(instructions):
        if instruction.opname in _GLOBALS:
            name = str(instruction.argval)
            yield name, _followed(_global(function, name), instructions, at + 1)
        elif instruction.opname == "IMPORT_NAME":
            level, wanted = (one.argval for one in instructions[at - 2 : at])
            yield from _imported(function, str(instruction.argval), level, wanted)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _named(function, constant)


def _global(function: FunctionType, name: str) -> Any:
    """Return the global of a name; of builtins the name is enough."""
    if name in function.__globals__:
        return function.__globals__[name]
    builtins = function.__globals__.get("__builtins__", {})
    known = builtins if isinstance(builtins, dict) else vars(builtins)
    return name if name in known else Missing.VALUE


def _followed(value: Any, instructions: list[dis.Instruction], at: int) -> Any:
    """Return the value that attributes lead to, as long as they lead through the user's own modules."""
    while isinstance(value, ModuleType) and is_own_module(value) and at < len(instructions) and instructions[at].opname in _ATTRIBUTES:
        found = getattr(value, str(instructions[at].argval), Missing.VALUE)
        if found is Missing.VALUE:
            break
        value, at = found, at + 1
    return value


def _imported(function: FunctionType, name: str, level: int, wanted: tuple[str, ...] | None) -> Iterator[tuple[str, Any]]:
    """Yield what an import inside a function brings."""
    try:
        whole = importlib.util.resolve_name("." * level + name, function.__globals__.get("__package__") or "")
        module = importlib.import_module(whole)
    except (ImportError, ValueError):  # the function fails, or knows what to do without it
        yield name, Missing.VALUE
        return
    for part in wanted or ():
        found = getattr(module, part, Missing.VALUE)
        yield part, sys.modules.get(f"{whole}.{part}", found) if found is Missing.VALUE else found
    if not wanted or "*" in wanted:
        yield name, module


def class_parts(kind: type) -> tuple[Any, ...]:
    """Return what decides what a class of the user's is: its bases and its members."""
    if issubclass(kind, Enum):
        functions = [(name, value) for name, value in sorted(vars(kind).items()) if isinstance(value, FunctionType)]
        return kind.__qualname__, [(member.name, member.value) for member in kind], functions
    members = [(name, _member(value)) for name, value in sorted(vars(kind).items()) if name not in _INCIDENTAL]
    if not dataclasses.is_dataclass(kind):
        return kind.__qualname__, kind.__bases__, members
    written = [(name, value) for name, value in members if not _is_generated(value)]
    fields = [(field.name, _default(field.default), _default(field.default_factory)) for field in dataclasses.fields(kind)]
    return kind.__qualname__, kind.__bases__, written, fields


def _is_generated(value: Any) -> bool:
    """Return whether a member of a dataclass is a function that `dataclasses` wrote, from the fields alone."""
    inner = getattr(value, "__wrapped__", value)
    return isinstance(inner, FunctionType) and inner.__code__.co_filename == "<string>"


def _default(value: Any) -> Any:
    """Return a field's default."""
    return Missing.VALUE if value is dataclasses.MISSING else value


def _member(value: Any) -> Any:
    """Return the function, or functions, behind a member of a class."""
    if isinstance(value, staticmethod | classmethod):
        return value.__func__
    if isinstance(value, property):
        return value.fget, value.fset, value.fdel
    if isinstance(value, functools.cached_property):
        return value.func
    if isinstance(value, GetSetDescriptorType | MemberDescriptorType):
        return value.__name__
    return value


def module_parts(module: ModuleType) -> tuple[Any, ...]:
    """Return the text of one of the user's modules, and the other ones of theirs that it has taken something from.

    Raises
    ------
    UnaddressableError
        There is no text of it.
    """
    file = getattr(module, "__file__", None)
    try:
        text = Path(file).read_bytes() if file is not None else b""
    except OSError as error:
        msg = f"the module {module.__name__!r}, whose file cannot be read ({error.strerror})"
        raise UnaddressableError(msg) from error
    if file is None and not hasattr(module, "__path__"):
        msg = f"the module {module.__name__!r}, which has no file"
        raise UnaddressableError(msg)
    found: dict[str, ModuleType] = {}
    for value in list(vars(module).values()):
        holder = value if isinstance(value, ModuleType) else sys.modules.get(str(getattr(value, "__module__", None)))
        if holder is not None and holder is not module and is_own_module(holder):
            found[holder.__name__] = holder
    return module.__name__, text, [found[name] for name in sorted(found)]
