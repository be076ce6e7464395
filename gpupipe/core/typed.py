"""Whether a value is what an annotation says, for values that come from a file."""

from __future__ import annotations

import collections.abc
import types
import typing
from typing import Any, Literal

_SEQUENCES = (tuple, list, collections.abc.Sequence)


def is_of(value: Any, annotation: Any) -> bool:
    """Whether a value, sequences in it as tuples, is what a resolved annotation says; no mapping is.

    Examples
    --------
    >>> is_of(("a", "b"), tuple[str, ...]), is_of((1, None), tuple[int, str | None]), is_of(True, int), is_of(1, float)
    (True, True, False, True)
    """
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return True
    if annotation is None or annotation is type(None):
        return value is None
    if origin in (typing.Union, types.UnionType):
        return any(is_of(value, member) for member in inner)
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in inner)
    if origin in _SEQUENCES:
        return isinstance(value, tuple) and _are_of(value, inner, fixed=origin is tuple and inner[-1:] != (...,))
    if origin is collections.abc.Callable:  # which only a function that the caller trusts comes out of a file as
        return isinstance(value, types.FunctionType)
    if annotation in (bool, int):
        return type(value) is annotation
    if annotation is float:
        return type(value) in (int, float)
    return origin is None and isinstance(annotation, type) and isinstance(value, annotation)


def _are_of(values: tuple[Any, ...], inner: tuple[Any, ...], *, fixed: bool) -> bool:
    """Whether the parts of a tuple are what its annotation says, each its own or all the same."""
    if fixed:
        return len(values) == len(inner) and all(map(is_of, values, inner))
    return all(is_of(value, inner[0]) for value in values)
