"""What is sent to workers: callables with everything of the user's own code that they need, loaded once in each process.

Functions of the user's files go by value: a worker need not have the files, and two pipelines whose files have the same name do not
meet. gpupipe itself and installed packages go by name.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle

from gpupipe.core.errors import UsageError
from gpupipe.core.stage import Stage
from gpupipe.engines._threads import settle_threads
from gpupipe.engines._users import is_users_file


@dataclass(frozen=True)
class Shipped:
    """A callable as it goes to workers; calling it there calls what was shipped.

    Parameters
    ----------
    payload
        The callable, pickled.
    digest
        What tells it from others.
    name
        What Dask's displays call its tasks.
    """

    payload: bytes
    digest: str
    name: str

    @property
    def __name__(self) -> str:
        return self.name

    def __dask_tokenize__(self) -> str:
        return self.digest

    def __repr__(self) -> str:
        return f"<{self.name} {self.digest[:8]}>"

    def __call__(self, *args: Any) -> Any:
        """Return what the callable returns."""
        return loaded(self.digest, self.payload)(*args)


@dataclass(frozen=True)
class Carried:
    """Calls a callable that comes as the last argument, pickled."""

    digest: str
    name: str
    n_frames: int

    @property
    def __name__(self) -> str:
        return self.name

    def __dask_tokenize__(self) -> tuple[str, int]:
        return self.digest, self.n_frames

    def __call__(self, *given: Any) -> Any:
        """Return what the callable returns."""
        payload = given[self.n_frames]["table"].iloc[0]
        return Shipped(payload, self.digest, self.name)(*given[: self.n_frames])


def ship(function: Any, name: str) -> Shipped:
    """Return the callable as it goes to workers."""
    payload = dumps(function)
    return Shipped(payload, hashlib.blake2b(payload, digest_size=16).hexdigest(), name)


def dumps(value: Any) -> bytes:
    """Return the value, pickled with the user's own functions and classes by value.

    Raises
    ------
    UsageError
        It holds something that cannot be sent, such as a lock; says which variable that is.
    """
    with _users_by_value():
        try:
            return _pickled(value)
        except Exception as error:  # whatever the thing itself raises
            where, culprit = _culprit(value, type(value).__name__, set()) or ("it", value)
            msg = (
                f"Expected what can be sent to workers, but {where} is a {type(culprit).__name__}: {error}. Make it where it is used, "
                "inside the function, or leave it out; engine 'cpu' sends nothing."
            )
            raise UsageError(msg) from error


def _pickled(value: Any) -> bytes:
    """Return the value, pickled."""
    stream = io.BytesIO()
    _Pickler(stream).dump(value)
    return stream.getvalue()


def _culprit(value: Any, name: str, seen: set[int]) -> tuple[str, Any] | None:
    """Return the innermost part of a value that cannot be pickled, with where it is in words; None where no part is known."""
    seen.add(id(value))
    for where, part in _parts(value, name):
        if id(part) in seen:
            continue
        try:
            _pickled(part)
        except Exception:  # noqa: BLE001 - this is what is looked for, and the caller tells of it
            return _culprit(part, where, seen) or (where, part)
    return None


def _parts(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what the value of a name holds: a function's variables, a container's items, another thing's attributes."""
    if isinstance(value, FunctionType):
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        enclosed = {each: cell.cell_contents for each, cell in cells if cell != CellType()}
        used = {each: value.__globals__[each] for each in _names(value.__code__) if each in value.__globals__}
        defaults = {f"default {number}": part for number, part in enumerate(value.__defaults__ or ())} | (value.__kwdefaults__ or {})
        yield from ((f"the variable {each!r} of {value.__name__}", part) for each, part in {**used, **enclosed, **defaults}.items())
    elif isinstance(value, Mapping):
        yield from ((f"the entry {key!r} of {name}", part) for key, part in value.items())
    elif isinstance(value, list | tuple | set):
        yield from ((f"an item of {name}", part) for part in value)
    else:
        held = getattr(value, "__dict__", {})
        yield from ((f"the attribute {each!r} of {type(value).__name__}", part) for each, part in held.items())


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names of globals that a function's code, and that of functions within it, may use."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


@lru_cache(maxsize=256)
def loaded(digest: str, payload: bytes) -> Any:
    """Return what was pickled; once in a process."""
    settle_threads()
    return cloudpickle.loads(payload)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # ships no types
    """Pickles stages by what they hold: some name the module they stand in, which a worker may not have."""

    def reducer_override(self, obj: Any) -> Any:
        """Return how an object is made again."""
        if isinstance(obj, Stage) and type(obj).__reduce__ is not object.__reduce__:
            return _remade, (type(obj), dict(obj.__dict__))
        return cloudpickle.Pickler.reducer_override(self, obj)


def _remade(kind: type[Stage], held: dict[str, Any]) -> Stage:
    """Return a stage that holds what another one held."""
    made = object.__new__(kind)
    for name, value in held.items():
        object.__setattr__(made, name, value)
    return made


_LOOKED_AT: dict[str, int] = {}
_USERS: set[str] = set()


@contextmanager
def _users_by_value() -> Iterator[None]:
    """Have the modules of the user's own files pickled by value."""
    chosen = _users_modules()
    for module in chosen:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in chosen:
            cloudpickle.unregister_pickle_by_value(module)


def _users_modules() -> list[ModuleType]:
    """Return the loaded modules that are neither gpupipe's nor installed; ``__main__`` goes by value anyhow."""
    loaded = sys.modules.copy()
    for name, module in loaded.items():
        if _LOOKED_AT.get(name) != id(module):  # thousands are loaded, and every task asks: each is looked at once
            _LOOKED_AT[name] = id(module)
            file = getattr(module, "__file__", None)
            (_USERS.add if isinstance(file, str) and is_users_file(file) else _USERS.discard)(name)
    registered = {"__main__", *cloudpickle.list_registry_pickle_by_value()}
    found = [loaded[name] for name in _USERS.copy() if name in loaded]
    chosen = {module.__name__: module for module in found if module.__name__ in loaded and module.__name__ not in registered}
    return list(chosen.values())
