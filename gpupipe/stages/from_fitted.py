"""Something fitted in an earlier run, as a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from gpupipe.core.answers import ask
from gpupipe.core.errors import UsageError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools


@dataclass(frozen=True)
class FromFitted(TaskStage):
    """Something that an earlier run fitted, as a node, to be asked and to go on from.

    ``before = gp.FromFitted(gp.load("out/tagger")).node()``, then ``gp.TagSequences().fit(pool, before)`` goes on from its weights, and
    ``before.score(pool)`` asks it. What is applied to tables alone needs no node: ``gp.load("model")(table)``.

    Parameters
    ----------
    held
        What ``gp.load`` returned, or a run.

    Raises
    ------
    UsageError
        It is nothing that was fitted, or is a stage that is called on tables.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import CP, FromFrame, Pipeline, ToTensor
    >>> table = FromFrame(pl.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1], "v": [1.0, 2.0, 2.0, 4.0]})).node()
    >>> held = Pipeline("first", made=CP(1).fit(ToTensor(["a", "b"], "v")(table))).run()["made"]
    >>> Pipeline("next", of_a=FromFitted(held).node().factors(dim="a")).run()["of_a"]["a"].to_list()
    [0, 1]
    """

    takes: ClassVar[tuple[type[Node], ...]] = ()
    gives: ClassVar[type[Node]] = Fitted

    held: Any

    def __post_init__(self) -> None:
        if not isinstance(self.held, Holding):
            msg = (
                f"FromFitted expects something fitted that has answers, as gp.load('folder') returns it, got a {type(self.held).__name__}."
            )
            raise UsageError(f"{msg} A stage or model is called on a table: gp.load('folder')(table).")

    @property
    def title(self) -> str:
        """What it is."""
        return f"FromFitted({self.held.word})"

    def node(self) -> Fitted:
        """Return the node."""
        return cast(Fitted, self.wire(()))

    def ask(self, fitted: Node, name: str, nodes: Sequence[Any], options: Mapping[str, Any]) -> Node:
        """Return the node of an answer of what was fitted."""
        return ask(type(self.held), fitted, name, nodes, options)

    def plan(self, *specs: Any) -> Any:
        """Return what was fitted: all of it is known."""
        return self.held

    def solve(self, tools: Tools, *inputs: Any) -> Any:
        """Return it, where the engine has its arrays."""
        return self.held.adopted(tools)
