"""Holdings: what a run holds of a node that is no table: a graph, a tensor, something fitted.

A holding is a frozen dataclass of arrays, small tables and plain values, and that is all that the house needs to know of it: it is
measured, saved, kept in checkpoints, sent to workers and moved to a device field by field. What an engine makes beside it for its own
use (an index, an object of a graph library) is a cached property, made once, and let go with it.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from gpupipe.core.plain import notebook

if TYPE_CHECKING:
    from gpupipe.core.tools import Tools

H = TypeVar("H", bound="Holding")


class Holding(ABC):
    """What a run holds of a node that is no table; a frozen dataclass."""

    word: ClassVar[str]  # what reports call it

    @property
    def spec(self) -> Any:
        """What the plan would know of it; of what is fitted, that is the thing itself."""
        return self

    @abstractmethod
    def describe(self) -> Mapping[str, Any]:
        """Return what the report says of it, as plain values: ``facts`` by name, and what `Barrier.describe` may return."""

    def check(self) -> None:
        """Raise ArtefactError where its parts, which come from a file, do not fit one another.

        Compiled libraries are handed what it holds, and would read outside of arrays that are not as they are told.
        """
        return None

    def parts(self) -> Iterator[Any]:
        """Yield its fields that are arrays or tables, also those inside sequences."""
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            yield from (part for part in (value if isinstance(value, tuple) else (value,)) if _is_data(part))

    @property
    def n_bytes(self) -> int:
        """The bytes that its arrays and tables take."""
        return sum(_bytes_of(part) for part in self.parts())

    def adopted(self: H, tools: Tools) -> H:
        """Return it with arrays and tables of an engine's library; itself where they are that already."""

        def moved(value: Any) -> Any:
            if isinstance(value, tuple):
                made = tuple(map(moved, value))
                return value if all(one is other for one, other in zip(made, value, strict=True)) else made
            return tools.adopted(value) if _is_data(value) else value

        changed = {field.name: moved(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        changed = {name: value for name, value in changed.items() if value is not getattr(self, name)}
        return dataclasses.replace(self, **changed) if changed else self  # type: ignore[type-var]

    @property
    def headline(self) -> str:
        """What is said of it in a few words: the first facts of its description."""
        facts = list(self.describe().get("facts", {}).items())
        return ", ".join(f"{name} {fact}" for name, fact in facts[:2])

    def __repr__(self) -> str:
        return f"<{self.word}: {self.headline}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what there is to say of it."""
        return str(notebook().holding_html(self))

    def __getstate__(self) -> dict[str, Any]:
        """Return its fields: what is cached beside them is made again where it is needed."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]


def _is_data(value: Any) -> bool:
    """Whether a value is an array or a table."""
    return hasattr(value, "nbytes") or hasattr(value, "estimated_size")


def _bytes_of(value: Any) -> int:
    """Return the bytes of an array or a table."""
    return int(value.estimated_size() if hasattr(value, "estimated_size") else value.nbytes)
