"""Functions of the user's by reference: where they stand, and a check of their text.

A saved stage holds no code. A function in it is named by its module and name, with a digest of its text, so that whoever loads it gets the
function that was saved or an error. The text is that of the function, of the functions that it calls by name, also through a module, and
that stand in its own package or folder, and the plain constants that it names.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from gpupipe.core.errors import ArtefactError

_PLAIN = (bool, int, float, str, bytes, type(None))


def reference_of(function: FunctionType, what: str) -> dict[str, str]:
    """Return where a function stands, ``module:name``, and the digest of its text.

    Parameters
    ----------
    what
        What of a stage the function is, for errors.

    Raises
    ------
    ArtefactError
        It stands in no module that another process could import, or there is no text of it.
    """
    module, name = function.__module__, function.__qualname__
    if module == "__main__" or "<" in name:
        inside = "the script that is run" if module == "__main__" else "another function"
        msg = f"{what} is the function {name!r}, which stands in {inside}, where nobody who loads it would find it."
        raise ArtefactError(f"{msg} Put it at the top of a module: a pipeline file for 'gpupipe run' is one.")
    return {"function": f"{module}:{name}", "text": digest_of(function)}


def digest_of(function: FunctionType) -> str:
    """Return the SHA-256 of a function's text, with that of what it calls in its own package.

    Examples
    --------
    >>> from textwrap import shorten
    >>> digest_of(shorten) == digest_of(shorten), len(digest_of(shorten))
    (True, 64)
    """
    digest, seen = hashlib.sha256(), set[int]()
    for text in _texts(function, seen):
        digest.update(text.encode(errors="backslashreplace") + b"\0")
    return digest.hexdigest()


def is_function(value: Any) -> bool:
    """Whether a value is a plain function."""
    return isinstance(value, FunctionType)


def found_function(reference: str) -> FunctionType | None:
    """Return the function of a reference in a module that is loaded already; a stage made by a decorator gives the function in it."""
    module, _, name = reference.partition(":")
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return plain_function(found)


def plain_function(given: Any) -> FunctionType | None:
    """Return a function, also one that a decorator made a stage of; None for anything else."""
    inner = getattr(given, "function", given)
    return inner if isinstance(inner, FunctionType) else None


def _texts(function: FunctionType, seen: set[int]) -> Iterator[str]:
    """Yield what is digested of a function, names in order."""
    seen.add(id(function))
    try:
        yield textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        msg = f"There is no text of {function.__qualname__!r} in {function.__module__}: {error}. Put it into a module's file."
        raise ArtefactError(msg) from error
    names = sorted(set(_names(function.__code__)))
    modules = [value for name in names if isinstance(value := function.__globals__.get(name), ModuleType)]
    for name in names:
        for held in (function.__globals__, *(vars(module) for module in modules if _is_near(module.__name__, function))):
            inner = plain_function(held.get(name))
            if inner is not None and id(inner) not in seen and _is_near(inner.__module__, function):
                yield from _texts(inner, seen)
            elif name in held and _is_plain(held[name]):
                yield f"{name}={held[name]!r}"


def _is_near(module: str, function: FunctionType) -> bool:
    """Whether a module is of the package of a function, or stands in the folder of its file."""
    files = [getattr(sys.modules.get(name), "__file__", None) for name in (module, function.__module__)]
    same_folder = all(files) and len({str(Path(str(file)).resolve().parent) for file in files}) == 1
    return module.partition(".")[0] == function.__module__.partition(".")[0] or same_folder


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that code takes from outside, also that of functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_plain(value: Any) -> bool:
    """Whether a value prints the same in every process."""
    if isinstance(value, dict):
        return all(map(_is_plain, [*value, *value.values()]))
    return all(map(_is_plain, value)) if isinstance(value, tuple | list) else isinstance(value, _PLAIN)
