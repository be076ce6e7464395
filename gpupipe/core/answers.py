"""Answers: what something fitted can be asked for, each declared once, beside the method that gives it.

``@answers(gives=Table)`` before a method of a fitted thing's class says that a pipeline may ask for it. The method gets the caller's
options and returns the stage that does the work, which takes the declared nodes::

    class FittedTopics(Holding):
        @answers(gives=Table)
        def topics(self, n_words: int = 10) -> TopicWords: ...

    words = fitted.topics(n_words=5)  # in a pipeline: a Table node
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import WiringError, listing, nearest
from gpupipe.core.node import Node, Table
from gpupipe.core.stage import Apply

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.want import Want

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Answer:
    """One answer.

    Parameters
    ----------
    takes
        The nodes that it is given beside what was fitted.
    gives
        The kind of node that it is.
    by_row
        Whether the stage behind it is a row stage, which runs inside a query; else it is a task stage.
    optional
        How many of the last nodes may be left out.
    """

    takes: tuple[type[Node], ...]
    gives: type[Node]
    by_row: bool
    optional: int = 0


def answers(*takes: type[Node], gives: type[Node] = Table, by_row: bool = False, optional: int = 0) -> Callable[[F], F]:
    """Return the decorator that declares a method of a fitted thing to be an answer."""

    def declared(method: F) -> F:
        method.__answer__ = Answer(takes, gives, by_row, optional)  # type: ignore[attr-defined]
        return method

    return declared


def answers_of(kind: type) -> Mapping[str, Answer]:
    """Return the answers that a fitted thing's class declares, by name."""
    return {name: member.__answer__ for name, member in inspect.getmembers(kind) if hasattr(member, "__answer__")}


def ask(kind: type, fitted: Node, name: str, nodes: Sequence[Any], options: Mapping[str, Any]) -> Node:
    """Return the node of an answer.

    Raises
    ------
    WiringError
        There is no such answer, or it does not take these nodes or options.
    """
    known = answers_of(kind)
    title = fitted.stage.name
    if name not in known:
        msg = f"{title} has no answer {name!r}.{nearest(name, known)} It has {listing(known) or 'none'}."
        raise WiringError(msg)
    answer = known[name]
    signature = inspect.signature(getattr(kind, name))
    try:
        signature.bind(None, **options)
    except TypeError as error:
        msg = f"{title}.{name} cannot be asked so: {error}. It is {name}{signature}, with options by keyword."
        raise WiringError(msg) from error
    least = len(answer.takes) - answer.optional
    if not least <= len(nodes) <= len(answer.takes) or not all(map(isinstance, nodes, answer.takes)):
        wanted = listing([kind.__name__ for kind in answer.takes]) or "no node"
        wanted += f" (the last {answer.optional} may be left out)" if answer.optional else ""
        msg = f"{title}.{name} takes {wanted}, got {listing([type(node).__name__ for node in nodes]) or 'none'}; options go by keyword."
        raise WiringError(msg)
    bound = tuple(options.items())
    stage = Apply(name, f"{title}.{name}", bound) if answer.by_row else AskTask(name, bound, title)
    return answer.gives(stage, (fitted, *nodes))


@dataclass(frozen=True)
class AskTask(Barrier):
    """Asks something fitted for an answer that is a task's work; the node's first input is what was fitted.

    Parameters
    ----------
    answer
        The name of the fitted thing's method, which returns the task stage.
    options
        What the method is called with.
    """

    answer: str
    options: tuple[tuple[str, Any], ...]
    fitted_name: str
    kind: ClassVar[str] = "task"

    @property
    def name(self) -> str:
        """The fitted stage's name and the answer's."""
        return f"{self.fitted_name}.{self.answer}"

    def stage(self, fitted: Any) -> Barrier:
        """Return the task stage that gives the answer."""
        return cast(Barrier, getattr(fitted, self.answer)(**dict(self.options)))

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return what the task stage needs."""
        return (None, *self.stage(specs[0]).wants(*specs[1:]))

    def plan(self, *specs: Any) -> Any:
        """Return the spec of the answer."""
        return self.stage(specs[0]).plan(*specs[1:])

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Any:
        """Return the answer."""
        return self.stage(results[0]).conclude(engine, results[1:], progress, planned)
