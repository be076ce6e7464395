"""Task stages: work on whole tables, graphs, tensors and fitted things, which gives any kind of node."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.answers import ask
from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import WiringError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node, Table, Value
from gpupipe.core.plain import plain
from gpupipe.core.schema import Schema
from gpupipe.core.task import Task
from gpupipe.core.want import Want

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress


class TaskStage(Barrier, Task):
    """Work on whole tables, graphs, tensors or fitted things, which gives any kind of node.

    What a new one says: its ports (`takes`, `gives`), `plan`, and `solve`, array code on the engine's own arrays. Where an engine has
    a better way, that is the function `solve` in ``engines/<engine>/tasks/``, in a file with the stage's module's name.
    """

    kind: ClassVar[str] = "task"
    fitted: ClassVar[type] = object  # of a stage that fits: the class of what it gives, whose answers a pipeline may ask for

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.task = cls.__module__.rpartition(".")[2]
        cls.stays = not issubclass(cls.gives, Table | Value | Fitted)

    @property
    def title(self) -> str:
        """What reports and errors call it."""
        return self.name

    def __call__(self, *inputs: Node) -> Any:
        """Return the node that this stage makes of the inputs."""
        return self.wire(inputs)

    def fit(self, *inputs: Node) -> Any:
        """Return what the stage fits to the inputs: the same as a call, under the name that fits have."""
        if not issubclass(self.gives, Fitted):
            msg = f"{self.name} fits nothing: call it, {self.name}(...)(node)."
            raise WiringError(msg)
        return self.wire(inputs)

    def ask(self, fitted: Node, name: str, nodes: Sequence[Any], options: Mapping[str, Any]) -> Node:
        """Return the node of an answer of what is fitted."""
        return ask(self.fitted, fitted, name, nodes, options)

    def use(self, fitted: Node, method: str, table: Node) -> Any:
        """Return the node of an answer that is called as a model's are: ``fitted.predict(tensor)``."""
        return self.ask(fitted, method, (table,), {})

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the columns that are needed of each table; all of them unless said."""
        return [list(schema) for schema in schemas]

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the needed columns of each table, held where they are."""
        needed = iter(self.columns(*(spec for spec in specs if isinstance(spec, Schema))))
        return tuple(_held(next(needed)) if isinstance(spec, Schema) else None for spec in specs)

    @abstractmethod
    def plan(self, *specs: Any) -> Any:
        """Return the spec of the result, or raise PlanError where the inputs cannot be taken."""

    def apply(self, *inputs: Any) -> Any:
        """Return the stage's result on plain frames, and on graphs, tensors and fitted things as such a call gives them."""
        for kind, given in zip(self.takes, inputs, strict=False):
            if kind not in (Value, Fitted) and isinstance(given, Holding) is issubclass(kind, Table):
                msg = f"{self.name} takes {kind.words} here, got {type(given).__name__}."
                raise WiringError(msg if issubclass(kind, Table) else f"{msg} Make one first: {kind.made_by}.")
        return plain().concluded_plain(self, *inputs)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Any:
        """Return what the engine makes of the inputs."""
        return engine.solve(self, results, progress, planned if isinstance(planned, Schema) else None)


def _held(columns: Sequence[str]) -> Want:
    """Return the want of some columns, as rows that stay where they are."""
    return Want(lambda _, frame: frame.select(list(columns)), "held", columns=frozenset(columns))
