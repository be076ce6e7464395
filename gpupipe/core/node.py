"""Nodes: a stage applied to other nodes. They are handles, made by calling stages, and never change.

::

    Node
    ├── Table     rows and columns
    ├── Fitted    what fitting returns: calling it on a table gives a table
    └── Value     a number, or a few named ones
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from gpupipe.core.errors import WiringError
from gpupipe.core.plain import notebook

_PACKAGE = str(Path(__file__).resolve().parents[1])


def calling_line() -> tuple[str, int]:
    """Return the file and line, outside gpupipe, that the present call comes from."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


class Wired(Protocol):
    """A stage as a node knows it; what stages are is in `core/stage.py`, which stands on nodes."""

    @property
    def name(self) -> str:
        """The name that plans, reports and errors use."""

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Return the node that applies what the stage fitted."""

    def ask(self, fitted: Node, name: str, nodes: Sequence[Any], options: Mapping[str, Any]) -> Node:
        """Return the node of an answer of what the stage fitted."""


class Node:
    """A stage applied to other nodes. What a stage takes and gives are kinds of nodes, its ports.

    Parameters
    ----------
    stage
        What makes this node's result.
    inputs
        The nodes it is made from, in the order the stage takes them.
    """

    __slots__ = ("inputs", "label", "line", "path", "stage")
    words: ClassVar[str] = "nodes"  # what errors call several of the kind
    made_by: ClassVar[str] = "call a stage that gives one"  # how a user comes to one, and from it to a table
    to_table: ClassVar[str] = "by a stage that gives a table"

    def __init__(self, stage: Wired, inputs: tuple[Node, ...], label: str | None = None) -> None:
        self.stage = stage
        self.inputs = inputs
        self.label = label
        self.path, self.line = calling_line()

    @property
    def where(self) -> str:
        """The file and line at which the stage was wired."""
        if f"{os.sep}ipykernel_" in self.path:  # a file that a notebook's kernel makes up for each cell
            return f"line {self.line} of its cell"
        here = os.getcwd().rstrip("/")  # noqa: PTH109  (each node of a plan is asked, and a Path takes ten times as long)
        return f"{self.path.removeprefix(f'{here}/')}:{self.line}"

    @property
    def title(self) -> str:
        """The stage's name, with the node's label where it has one."""
        return f"{self.stage.name} ({self.label})" if self.label else self.stage.name

    def named(self, label: str) -> Any:
        """Return this node with a label of its own for plans, reports and errors."""
        again = type(self)(self.stage, self.inputs, label)
        again.path, again.line = self.path, self.line
        return again

    def __rshift__(self, stage: Any) -> Any:
        """Return ``stage(self)``: ``node >> A() >> B()`` is a chain."""
        return stage(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.title} at {self.where}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the columns that it would have, or why it cannot be planned."""
        return str(notebook().node_html(self))

    def __bool__(self) -> bool:
        msg = f"{self.title} has no truth value before it runs. Put the condition into a stage, or run the pipeline first."
        raise WiringError(msg)


class Table(Node):
    """Rows and columns that a stage makes."""

    __slots__ = ()
    words: ClassVar[str] = "tables"

    def __getitem__(self, columns: Any) -> Any:
        """Raise WiringError: columns are taken by a stage."""
        msg = f"{self.title} has no rows before it runs. Take columns with a stage: table >> gp.Select({columns!r})."
        raise WiringError(msg)

    __iter__ = None  # else Python would try it with numbers


class Value(Node):
    """A number, or a few named ones."""

    __slots__ = ()
    words: ClassVar[str] = "values"
    to_table: ClassVar[str] = "table >> gp.WithColumns(column=value)"

    def __repr__(self) -> str:
        """Return what it is, with how it is written into an expression, since libraries' errors show what they cannot take."""
        return f"{super().__repr__()[:-1]}, known once the pipeline runs; in an expression nw.lit(value)>"


class Fitted(Node):
    """What a fit stage measured or a learner learned. It can be applied to tables where it is a row stage, and asked for its answers."""

    __slots__ = ()
    words: ClassVar[str] = "fitted stages"
    made_by: ClassVar[str] = "stage.fit(table)"

    def __call__(self, table: Table) -> Table:
        """Return the table that the fitted stage makes of `table`."""
        return self.use("apply", table)

    def on_training(self, table: Table) -> Table:
        """Return the table that the fitted stage makes of rows that it was fitted to; the very table it was fitted to is known as such."""
        return self.use("on_training", table)

    def predict(self, table: Table) -> Table:
        """Return the table with the model's ``prediction`` (or ``cluster``) appended."""
        return self.use("predict", table)

    def predict_proba(self, table: Table) -> Table:
        """Return the table with the model's class probabilities appended."""
        return self.use("predict_proba", table)

    def transform(self, table: Table) -> Table:
        """Return the table with the model's transformed columns in place of its features."""
        return self.use("transform", table)

    def use(self, method: str, table: Table) -> Table:
        """Return the table that one of the fitted stage's methods makes of `table`."""
        return self.stage.use(self, method, table)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return what asks for one of the fitted thing's answers: ``fitted.forecast(horizon=12)``."""
        if name.startswith("_") or name in ("inputs", "label", "line", "path", "stage"):
            raise AttributeError(name)
        return lambda *nodes, **options: self.stage.ask(self, name, nodes, options)


def ordered(outputs: dict[str, Node]) -> list[Node]:
    """Return every node that the outputs need, inputs before what is made of them.

    Raises
    ------
    WiringError
        Where nodes depend on themselves.
    """
    done: dict[int, Node] = {}
    open_: set[int] = set()
    for output in outputs.values():
        stack: list[tuple[Node, bool]] = [(output, False)]
        while stack:
            node, finished = stack.pop()
            if finished:
                open_.discard(id(node))
                done[id(node)] = node
            elif id(node) in open_:
                msg = f"{node.title} at {node.where} depends on itself. A pipeline's nodes must form no cycle: wire it from its sources on."
                raise WiringError(msg)
            elif id(node) not in done:
                open_.add(id(node))
                stack.append((node, True))
                stack.extend((given, False) for given in reversed(node.inputs) if id(given) not in done)
    return list(done.values())
