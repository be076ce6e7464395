"""What the engines of one process share: data is a lazy narwhals frame, and a stage runs on all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.engine import Engine, EngineOptions
from gpupipe.core.errors import GpupipeError, StageError
from gpupipe.core.progress import Progress
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.core.task import Task
from gpupipe.core.tools import Tools
from gpupipe.core.verbs import Verbs
from gpupipe.engines._host_tools import HostTools
from gpupipe.engines._scratch import Scratch
from gpupipe.engines._ways import adopted, own_way

Frame = nw.LazyFrame[Any]


class SingleEngine(Engine):
    """An engine whose tables each are one narwhals frame."""

    verbs: Verbs
    tasks_in: ClassVar[tuple[str, ...]] = ("gpupipe.engines._tasks",)  # packages with this engine's own ways of doing tasks

    def __init__(self, options: EngineOptions | None = None) -> None:
        super().__init__(options)
        self.scratch = Scratch()

    def run(self, stage: TableStage, inputs: Sequence[Any], schema: Schema) -> Any:
        """Return the stage's result."""
        return stage.run(self.verbs, *inputs)

    def solve(self, task: Task, inputs: Sequence[Any], progress: Progress | None = None, schema: Schema | None = None) -> Any:
        """Return what a task makes, in the engine's own way or by array code; a frame comes back as the engine's data."""
        own = own_way(self.tasks_in, task.task)
        if own is not None:
            return own(self, task, inputs, progress)
        tools = self.tools(progress)
        try:
            made = task.solve(tools, *(adopted(given, tools) for given in inputs))
        except (GpupipeError, MemoryError):
            raise
        except Exception as error:
            msg = f"{task.title} failed: {type(error).__name__}: {error}"
            raise StageError(msg) from error
        self.noted = dict(tools.told)
        return _as_planned(made, schema, task.title).lazy() if isinstance(made, nw.DataFrame) else made

    @property
    def task_bytes(self) -> int | None:
        """How much memory this process may still take."""
        return self.tools(None).most_bytes

    def tools(self, progress: Progress | None) -> Tools:
        """Return what makes arrays of this engine's frames, and frames of arrays."""
        return HostTools(lambda table: self.verbs.literal(table).collect(), self.ledger, progress)

    def deliver(self, data: Any) -> nw.DataFrame[Any]:
        """Return the rows as an eager frame."""
        made: nw.DataFrame[Any] = data.collect()
        return made

    def close(self) -> None:
        """Remove the run's scratch folder."""
        self.scratch.close()


def _as_planned(made: nw.DataFrame[Any], schema: Schema | None, title: str) -> nw.DataFrame[Any]:
    """Return a task's table, or raise StageError where it has other columns than planned."""
    found = dict(made.schema.items())
    if schema is not None:  # narwhals has no name for bytes in pandas' frames
        found = {
            name: nw.Binary() if dtype == nw.Unknown and schema.dtypes.get(name) == nw.Binary else dtype for name, dtype in found.items()
        }
    if schema is not None and list(found.items()) != list(schema.dtypes.items()):
        msg = f"{title} promised the columns {schema.dtypes}, but made {found}. Its solve must make what its plan says."
        raise StageError(msg)
    return made


def batches_of(table: pa.Table, n_rows: int = 1 << 17) -> list[pa.RecordBatch]:
    """Return the table in batches of at most `n_rows`."""
    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=n_rows)
    return batches
