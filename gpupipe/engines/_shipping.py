"""What is sent to workers: callables with everything of the user's own code that they need, loaded once in each process.

Functions of the user's files go by value: a worker need not have the files, and two pipelines whose files have the same name do not
meet. gpupipe itself and installed packages go by name.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import cloudpickle

from gpupipe.core.stage import Stage
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


def ship(function: Any, name: str) -> Shipped:
    """Return the callable as it goes to workers."""
    payload = dumps(function)
    return Shipped(payload, hashlib.blake2b(payload, digest_size=16).hexdigest(), name)


def dumps(value: Any) -> bytes:
    """Return the value, pickled with the user's own functions and classes by value."""
    stream = io.BytesIO()
    with _users_by_value():
        _Pickler(stream).dump(value)
    return stream.getvalue()


@lru_cache(maxsize=256)
def loaded(digest: str, payload: bytes) -> Any:
    """Return what was pickled; once in a process."""
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
    registered = {"__main__", *cloudpickle.list_registry_pickle_by_value()}
    files = [(module, getattr(module, "__file__", None)) for module in list(sys.modules.values())]
    found = [module for module, file in files if isinstance(file, str) and is_users_file(file)]
    chosen = {module.__name__: module for module in found if module.__name__ in sys.modules and module.__name__ not in registered}
    return list(chosen.values())
