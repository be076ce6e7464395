"""Stages: frozen values that say what to do. Calling one on nodes wires it; ``apply`` runs it on plain frames.

::

    Stage
    ├── TableStage       frames in, one frame out
    │   ├── RowStage     sees any subset of the rows
    │   └── KeyStage     sees every row of each key it gets
    ├── Apply            a fitted stage, applied
    ├── WithResults      a stage with numbers in it that other nodes conclude
    ├── Barrier          must see results before anything after it can start    (core/barrier.py)
    │   └── FitStage     measures blocks, merges what it measured, finishes into a row stage
    ├── Source           starts a pipeline       (core/ends.py)
    └── Sink             ends one                (core/ends.py)

A stage is written against narwhals frames and a few `Verbs` that narwhals lacks, so it never asks which library is below it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from gpupipe.core.errors import UsageError, WiringError
from gpupipe.core.node import Fitted, Node, Table, Value
from gpupipe.core.options import WithOptions
from gpupipe.core.plain import notebook, plain
from gpupipe.core.schema import Schema

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.aggregates import Grouping
    from gpupipe.core.expressions import Named
    from gpupipe.core.verbs import Spread, Verbs

T = TypeVar("T")


class Stage(WithOptions, ABC):
    """What a node does; a frozen value."""

    kind: ClassVar[str]
    takes: ClassVar[tuple[type[Node], ...]] = (Table,)
    optional: ClassVar[int] = 0  # how many of the last ports may be left open
    many: ClassVar[bool] = False  # whether the last port takes any number of nodes
    gives: ClassVar[type[Node]] = Table
    minds_order: ClassVar[bool] = False  # whether what it makes depends on the order of its rows, as a learner's training does

    @property
    def name(self) -> str:
        """The name that plans, reports and errors use."""
        return type(self).__name__

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what the stage was made with, or has learned."""
        return str(notebook().stage_html(self))

    @property
    def refers_to(self) -> Sequence[Callable[..., Any]]:
        """What its result refers to by name; it is handed over where that is loaded from a checkpoint."""
        return ()

    def plan(self, *specs: Any) -> Any:
        """Return what is known of the result, or raise PlanError: the one place where a stage says what comes out, and of what.

        Parameters
        ----------
        specs
            What is known of its inputs: a table's schema, a graph's or a tensor's own spec, and of what is fitted the thing itself,
            fitted to nothing.

        Returns
        -------
        Any
            An `Outcome` of a table stage, else the spec of the result. None where there is nothing to say beyond what the stage's run on
            empty tables shows.
        """
        return None

    def wire(self, inputs: Sequence[Any]) -> Any:
        """Return the node of this stage on the inputs, which must be as many and of the kinds that its ports take."""
        least, n_given = len(self.takes) - self.optional, len(inputs)
        if n_given < least or (n_given > len(self.takes) and not self.many):
            shown = ", ".join(["first", "second", "third"][: max(least, 1)])
            way = f" Write {type(self).__name__}(...)({shown})." if 1 < least <= 3 else ""
            msg = f"{self.name} takes {_counted(self.takes, least, many=self.many)}, got {n_given}.{way}"
            raise WiringError(msg)
        for number, given in enumerate(inputs):
            port = self.takes[min(number, len(self.takes) - 1)]
            if not isinstance(given, port):
                msg = f"{self.name} takes {port.words} of a pipeline, got {type(given).__name__}. {self._hint(given, port)}"
                raise WiringError(msg)
        results = self.results()
        if not results:
            return self.gives(self, tuple(inputs))
        if not isinstance(self, TableStage):
            msg = f"{self.name} takes no result of another stage in its expressions. Put it into a column first: WithColumns(limit=value)."
            raise WiringError(msg)
        return self.gives(WithResults(self.with_slots(results), len(inputs)), (*inputs, *results))

    def results(self) -> Sequence[Value]:
        """Return the results of other stages that stand in this one's expressions or parameters."""
        return ()

    def tables(self, inputs: Sequence[T]) -> Sequence[T]:
        """Return those of a node's inputs that are tables to this stage."""
        return inputs

    def _hint(self, given: Any, port: type[Node]) -> str:
        """Return what to do where something is given that its port does not take."""
        if port is not Table and isinstance(given, Node):
            return f"Make one first: {port.made_by}."
        if isinstance(given, Fitted):
            return "Call the fitted stage on a table first."
        if isinstance(given, Node):
            return f"Make a table of it first: {given.to_table}."
        if isinstance(given, Stage):
            return "Call .node() on it first." if given.kind == "source" else "Call it on a table first."
        return f"Use .{'fit_plain' if hasattr(self, 'fit_plain') else 'apply'}(frame) for plain frames."

    def __rshift__(self, stage: Any) -> Any:
        """Raise WiringError: a chain begins with a table."""
        name = stage.name if isinstance(stage, Stage) else repr(stage)
        first = f"{self.name}(...).node()" if self.kind == "source" else f"table >> {self.name}"
        msg = f"A chain begins with a table of a pipeline, got {self.name}. Write: {first} >> {name}."
        raise WiringError(msg)

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Return the node that applies what this stage fitted; only stages that fit have one."""
        msg = f"{self.name} fits nothing, so there is nothing to apply."
        raise WiringError(msg)

    def ask(self, fitted: Node, name: str, nodes: Sequence[Any], options: Mapping[str, Any]) -> Node:
        """Return the node of an answer of what this stage fitted; see `core/answers.py`."""
        msg = f"What {self.name} fits has no answer {name!r}."
        raise WiringError(msg)


def stage_of(node: Node) -> Stage:
    """Return a node's stage."""
    return cast(Stage, node.stage)


def _counted(takes: Sequence[type[Node]], least: int, *, many: bool) -> str:
    """Return how many nodes the ports take, in words.

    Examples
    --------
    >>> _counted((Table, Table), 1, many=False), _counted((Table,), 1, many=True), _counted((Table,), 1, many=False)
    ('1 to 2 table(s)', 'at least 1 table(s)', '1 table(s)')
    """
    count = f"at least {least}" if many else f"{least}" if least == len(takes) else f"{least} to {len(takes)}"
    kinds = dict.fromkeys(kind.words.removesuffix("s") + "(s)" for kind in takes)
    return f"{count} {' and '.join(kinds) or 'table(s)'}"


class TableStage(Stage):
    """Makes one frame of one or several; by itself, it sees all rows of each."""

    kind: ClassVar[str] = "table"
    keeps_rows: ClassVar[bool] = False  # whether as many rows come out as went in
    keeps_values: ClassVar[bool] = False  # whether a column without missing values has none under its name afterwards
    is_users: ClassVar[bool] = False  # whether it runs a user's function, whose promises the plan looks at

    def __call__(self, *tables: Table) -> Table:
        """Return the table that this stage makes of the tables."""
        return cast(Table, self.wire(tables))

    @abstractmethod
    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame made of the frames."""

    def apply(self, *frames: Any) -> Any:
        """Return the stage's result on plain frames (Polars, pandas, Arrow, narwhals), in the library of the first."""
        return plain().apply_plain(self, *frames)

    def with_slots(self, results: Sequence[Value]) -> TableStage:
        """Return the stage with numbered slots in place of the results of other stages; only stages that have `results` need it."""
        raise NotImplementedError

    def with_literals(self, literals: Sequence[nw.Expr]) -> TableStage:
        """Return the stage with literals in its slots, as it is run."""
        raise NotImplementedError

    def plan(self, *schemas: Schema) -> Outcome | None:
        """Return what is known of the table beyond what the run on empty ones shows; raise PlanError where the stage cannot take these."""
        return None

    def expressions(self) -> Named:
        """Return the expressions that the stage is made of; a user's function is watched instead."""
        return ()

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that a stage of one table looks at, where all others pass through it under their names, or are dropped.

        None where that is not known here; it is then found by running the stage on empty tables.
        """
        return None

    def needs(self, wanted: frozenset[str], *schemas: Schema) -> Sequence[frozenset[str]] | None:
        """Return the columns of each table that are needed for some columns of the result; None as with `reads`.

        Run on those columns alone, the stage must make the wanted columns, under the same names and with the same values.
        """
        read = self.reads(*schemas)
        return None if read is None else [read | (wanted & frozenset(schemas[0]))]

    def keeps(self) -> Named | None:
        """Return the conditions for which the stage keeps rows of its one table, where it does nothing else and looks at no other rows."""
        return None

    def in_order(self) -> TableStage:
        """Return the stage as it is run where something after it depends on the order of its rows: from run to run that is the same."""
        return self

    def spread(self) -> Spread | None:
        """Return how the stage is done where a table is in many blocks; None where it must see all rows together."""
        return None


@dataclass(frozen=True)
class Promise:
    """Columns whose names match `pattern` (shell style) will come out as `dtype`; checked once they have."""

    pattern: str
    dtype: Any


@dataclass(frozen=True)
class Outcome:
    """What a table stage says of the table that it makes; names and dtypes are those that its run on empty tables shows.

    Parameters
    ----------
    not_null
        The columns proven to hold no missing value; None for those that had none, where the class says `keeps_values`.
    promises
        What is known of columns that depend on the data, so that later stages may use them before they exist.
    keeps_rows
        Whether as many rows come out as went in, where the class does not say so; of row and key stages their query shows it.
    seeks_missing
        Whether it is about missing values, by leaving out their rows or by filling them with what is not known yet.
    stage
        The stage as it is run on such tables; None for itself.
    """

    not_null: frozenset[str] | None = None
    promises: tuple[Promise, ...] = ()
    keeps_rows: bool = False
    seeks_missing: bool = False
    stage: TableStage | None = None


class RowStage(TableStage):
    """Makes of any subset of the rows what it makes of them among all rows."""

    kind: ClassVar[str] = "row"

    def using(self, method: str) -> RowStage:
        """Return the row stage behind a method of a fitted stage; ``apply`` is the stage itself."""
        if method == "apply":
            return self
        if method == "on_training":
            return self.on_training()
        msg = f"{self.name} has no {method!r}: it is a fitted transformation. Call it on the table instead."
        raise WiringError(msg)

    def on_training(self) -> RowStage:
        """Return the stage as it is applied to the rows that it was fitted to; itself, unless they could tell what only they know."""
        return self


class KeyStage(TableStage):
    """Makes of the rows of some keys what it makes of them among all keys; `keys` names the columns, the same in every input."""

    kind: ClassVar[str] = "key"
    is_sorted: ClassVar[bool] = False  # whether the rows come out sorted, where there is one of each key
    keeps_keys: ClassVar[bool] = False  # whether the key's columns surely come out as they went in; where not, engines may still find it
    by: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The key's columns: `by`, unless the stage has other words for them."""
        return self.by

    def sorted(self) -> KeyStage:
        """Return the stage with its rows sorted; only stages of one row a key, whose order is then that of the keys, look at it."""
        made = copy(self)
        object.__setattr__(made, "is_sorted", True)
        return made

    def grouping(self) -> Grouping | None:
        """Return by what and to what the stage aggregates, where it does nothing else; blocks are then aggregated in parts."""
        return None

    def plan(self, *schemas: Schema) -> Outcome | None:
        """Raise ColumnError where an input lacks a key column."""
        for schema in schemas:
            schema.require(self.keys)
        return None


@dataclass(frozen=True)
class Apply(Stage):
    """Applies what another node fitted to a table, through one of its methods: inside a query, row by row.

    Parameters
    ----------
    options
        What the method is called with, where it is one of the fitted thing's declared answers; None for `RowStage.using`.
    """

    method: str
    fitted_name: str
    options: tuple[tuple[str, Any], ...] | None = None
    kind: ClassVar[str] = "apply"

    @property
    def name(self) -> str:
        """The fitted stage's name, and the method where it is not the plain one."""
        return self.fitted_name if self.method == "apply" else f"{self.fitted_name}.{self.method}"

    def tables(self, inputs: Sequence[T]) -> Sequence[T]:
        """Return the tables, which come after what was fitted."""
        return inputs[1:]

    def stage(self, fitted: Any) -> RowStage:
        """Return the row stage that does it."""
        made: RowStage = fitted.using(self.method) if self.options is None else getattr(fitted, self.method)(**dict(self.options))
        return made


@dataclass(frozen=True)
class WithResults(Stage):
    """A stage in whose expressions or parameters numbers stand that other nodes conclude; those are its inputs after the tables.

    Parameters
    ----------
    stage
        The stage, with a numbered slot for each number.
    n_tables
        How many of the inputs are tables.
    """

    stage: TableStage
    n_tables: int

    @property
    def name(self) -> str:
        """The stage's own name."""
        return self.stage.name

    @property
    def kind(self) -> str:  # type: ignore[override]
        """The stage's own kind."""
        return self.stage.kind

    def tables(self, inputs: Sequence[T]) -> Sequence[T]:
        """Return the tables, which come first."""
        return inputs[: self.n_tables]


def as_columns(value: str | Sequence[str], what: str) -> tuple[str, ...]:
    """Return the column names given as one name or several.

    Examples
    --------
    >>> as_columns("a", "by")
    ('a',)
    """
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else ()
    if not names or not all(isinstance(name, str) for name in names):
        msg = f"{what} expects one column name or several, got {value!r}."
        raise UsageError(msg)
    return names
