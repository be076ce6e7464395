"""Plain functions as stages: ``@rows``, ``@by_key(...)`` and ``@whole_table``.

A decorated function is a stage. Called on nodes it wires itself, with keyword arguments bound as parameters; ``.apply(frame)`` runs it on
plain frames. It gets and returns lazy narwhals frames, and is tried on an empty one before anything is read.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import narwhals.stable.v2 as nw

from gpupipe.core.errors import ArtefactError, StageError, UsageError, listing, nearest
from gpupipe.core.expressions import Slot
from gpupipe.core.node import Table, Value
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, RowStage, TableStage, as_columns

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class FunctionStage(TableStage):
    """A function of whole tables.

    Parameters
    ----------
    function
        Takes lazy narwhals frames, then keyword parameters; returns one.
    parameters
        The keyword parameters bound so far.
    """

    many: ClassVar[bool] = True
    is_users: ClassVar[bool] = True
    is_ordered: ClassVar[bool] = False  # whether joins inside keep the order of the rows

    function: Function
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.function.__doc__)  # so that help(stage) is the function's

    def __call__(self, *tables: Table, **parameters: Any) -> Table:
        """Return the table the function makes of the tables."""
        stage = self.bind(**parameters) if parameters else self
        _check_arity(stage, len(tables))
        return cast(Table, stage.wire(tables))

    def bind(self, **parameters: Any) -> FunctionStage:
        """Return the stage with keyword parameters bound."""
        known = [name for name, given in inspect.signature(self.function).parameters.items() if given.kind is given.KEYWORD_ONLY]
        for name in parameters:
            if name not in known:
                msg = f"{self.name} has no keyword parameter {name!r}.{nearest(name, known)} It has {listing(known) or 'none'}."
                raise UsageError(msg)
        return replace(self, parameters=tuple({**dict(self.parameters), **parameters}.items()))

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return what the function makes of the frames."""
        given = [verbs.in_order(frame) for frame in frames] if self.is_ordered else frames
        made = self.function(*given, **dict(self.parameters))
        if isinstance(made, nw.DataFrame):
            made = made.lazy()
        if not isinstance(made, nw.LazyFrame):
            msg = f"{self.name} must return a narwhals frame, got {type(made).__name__}. Return the frame it made."
            raise StageError(msg)
        return made

    def in_order(self) -> FunctionStage:
        """Return the stage whose function's joins keep the order of the rows."""
        made = replace(self)
        object.__setattr__(made, "is_ordered", True)
        return made

    def results(self) -> Sequence[Value]:
        """Return the results of other stages among the parameters; the function gets them as expressions."""
        return [given for _, given in self.parameters if isinstance(given, Value)]

    def with_slots(self, results: Sequence[Value]) -> FunctionStage:
        """Return the stage with numbered slots in place of those results."""
        numbers = {id(given): number for number, given in enumerate(results)}
        slots = tuple((name, Slot(numbers[id(given)]) if isinstance(given, Value) else given) for name, given in self.parameters)
        return replace(self, parameters=slots)

    def with_literals(self, literals: Sequence[nw.Expr]) -> FunctionStage:
        """Return the stage with literals in its slots."""
        known = tuple((name, literals[given.number] if isinstance(given, Slot) else given) for name, given in self.parameters)
        return replace(self, parameters=known)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_revived, (self.function.__module__, self.function.__qualname__, self.parameters))


def _revived(module: str, name: str, parameters: tuple[tuple[str, Any], ...]) -> FunctionStage:
    """Return the stage that stands under a name in a module, as unpickling needs it."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, FunctionStage):
        msg = f"Expected a stage {name!r} in module {module!r}, found {type(found).__name__}. Decorate it at the module's top level."
        raise ArtefactError(msg)
    return replace(found, parameters=parameters)


def _check_arity(stage: FunctionStage, n_tables: int) -> None:
    """Raise UsageError where the function does not take that many frames, or a parameter without a default is unbound."""
    try:
        inspect.signature(stage.function).bind(*([None] * n_tables), **dict(stage.parameters))
    except TypeError as error:
        msg = f"{stage.name} cannot be called on {n_tables} table(s): {error}. It is {stage.name}{inspect.signature(stage.function)}."
        raise UsageError(msg) from error


@dataclass(frozen=True, eq=False)
class RowFunction(FunctionStage, RowStage):
    """A function that makes of any subset of the rows what it makes of them among all."""

    kind: ClassVar[str] = "row"
    many: ClassVar[bool] = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (_revived, (self.function.__module__, self.function.__qualname__, self.parameters))


@dataclass(frozen=True, eq=False)
class KeyFunction(FunctionStage, KeyStage):
    """A function that sees every row of each key it gets, in each of its tables."""

    kind: ClassVar[str] = "key"

    by: tuple[str, ...] = ()

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError where a table lacks a key column."""
        for schema in schemas:
            schema.require(self.by)


def rows(function: Function) -> RowFunction:
    """Return the function as a row stage: it must make of any subset of the rows what it makes of them among all.

    Examples
    --------
    >>> import polars as pl
    >>> @rows
    ... def doubled(frame, *, by=2):
    ...     return frame.with_columns(nw.col("a") * by)
    >>> doubled.apply(pl.DataFrame({"a": [1]}))["a"].to_list()
    [2]
    """
    return RowFunction(_plain_function(function, "rows"))


def by_key(*columns: str | Sequence[str]) -> Callable[[Function], KeyFunction]:
    """Return the decorator that makes a function a key stage: it sees every row of each key that it gets.

    Examples
    --------
    >>> @by_key("loan_id")
    ... def worst(frame):
    ...     return frame.group_by("loan_id").agg(nw.col("status").max())
    >>> worst.keys
    ('loan_id',)
    """
    flat = [name for given in columns for name in ([given] if isinstance(given, str) or callable(given) else given)]
    if any(callable(name) for name in flat):
        msg = "by_key expects the key's columns first: @by_key('loan_id')."
        raise UsageError(msg)
    keys = as_columns(cast(list[str], flat), "by_key")
    return lambda function: KeyFunction(_plain_function(function, "by_key"), by=keys)


def whole_table(function: Function) -> FunctionStage:
    """Return the function as a stage that sees every row of its tables at once; on many machines they are gathered for it."""
    return FunctionStage(_plain_function(function, "whole_table"))


def _plain_function(function: Any, decorator: str) -> Function:
    """Return the function, or raise UsageError where it is none."""
    if isinstance(function, Mapping) or not callable(function) or isinstance(function, TableStage):
        msg = f"@{decorator} expects a function, got {type(function).__name__}."
        raise UsageError(msg)
    return cast(Function, function)
