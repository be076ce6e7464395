"""Options of stages and their like: one that is misspelled is told with the nearest that there is."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, Self, cast

from gpupipe.core.errors import UsageError, listing, nearest

# What other libraries call an option that has another name here.
_ELSEWHERE = {
    "delimiter": "separator",
    "sep": "separator",
    "quotechar": "quote",
    "quote_char": "quote",
    "na_values": "null_values",
    "has_header": "header",
    "skiprows": "skip_rows",
    "ascending": "descending",
    "subset": "columns",
}


class WithOptions:
    """What is made with options by name."""

    def __new__(cls, *given: Any, **options: Any) -> Self:
        """Return the value that ``__init__`` fills.

        Raises
        ------
        UsageError
            There is no such option, or more values than it takes without names.
        """
        known = _options(cast(Any, cls)) if options else None
        for name in options:
            if known is not None and name not in known:
                meant = _ELSEWHERE.get(name)
                near = f" Did you mean {meant!r}?" if meant in known else nearest(name, known)
                msg = f"{cls.__name__} has no option {name!r}.{near} Its options are {listing(known)}."
                raise UsageError(msg)
        if given and (most := _positions(cast(Any, cls))) is not None and len(given) > len(most):
            takes = f"{cls.__name__} takes {listing(most) if most else 'nothing'} without a name, got {len(given)}."
            raise UsageError(f"{takes} {_how_to_give(cast(Any, cls), most, given)}")
        return super().__new__(cls)


def _how_to_give(kind: Any, most: tuple[str, ...], given: tuple[Any, ...]) -> str:
    """Return how more values than a class takes without names are given to it."""
    if most[:1] in (("by",), ("columns",), ("on",)) and all(isinstance(value, str) for value in given):
        return f"Several columns go as a list: {kind.__name__}({list(given)})."
    options = _options(kind)
    return f"Give the others by name: its options are {listing(options)}." if options else f"Give each a name: {kind.__name__}(name=...)."


@cache
def _options(kind: Any) -> tuple[str, ...] | None:
    """Return the names that a class takes; None where it takes names of the caller's own."""
    _, *parameters = inspect.signature(kind.__init__).parameters.values()
    if any(given.kind is given.VAR_KEYWORD for given in parameters):
        return None
    return tuple(given.name for given in parameters if given.kind is not given.VAR_POSITIONAL)


def settle(value: Any, /, **fields: Any) -> None:
    """Set fields of a frozen value that is being made, and that nobody else has yet."""
    for name, held in fields.items():
        object.__setattr__(value, name, held)


@cache
def _positions(kind: Any) -> tuple[str, ...] | None:
    """Return the names of what a class takes without a name; None where that is any number of values."""
    _, *parameters = inspect.signature(kind.__init__).parameters.values()
    if any(given.kind is given.VAR_POSITIONAL for given in parameters):
        return None
    return tuple(given.name for given in parameters if given.kind in (given.POSITIONAL_ONLY, given.POSITIONAL_OR_KEYWORD))
