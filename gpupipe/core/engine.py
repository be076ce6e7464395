"""What an engine is: it knows where the rows live. Its verbs are few, and about that alone.

A pipeline's tables pass through the executor as the engine's own data, which nobody else looks into. `run` may be lazy: nothing need
be computed before `compute`, which gets everything that is demanded at one time, so that an engine can do shared work once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gpupipe.core.demand import Demand
from gpupipe.core.errors import GpupipeError
from gpupipe.core.holding import Holding
from gpupipe.core.ledger import Ledger
from gpupipe.core.limits import Limit
from gpupipe.core.options import WithOptions
from gpupipe.core.progress import Progress
from gpupipe.core.task import Task

if TYPE_CHECKING:
    from gpupipe.core.ends import Reading, Source
    from gpupipe.core.schema import Schema
    from gpupipe.core.stage import TableStage


@dataclass(frozen=True)
class EngineOptions(WithOptions):
    """What a caller chooses of an engine beyond its name: ``pipeline.run("dask", options=gp.EngineOptions(block_bytes=1 << 26))``.

    Parameters
    ----------
    cluster
        Where the workers are, for engines that have some: ``"local"``, ``"local:4"``, an address such as ``"tcp://host:8786"``, or a
        cluster or client object of Dask's.
    tls
        Paths of the certificate authority's file, the certificate and its key, for ``tls://`` addresses.
    allow_unencrypted
        Whether an address on another machine may be used without TLS.
    worker_seconds
        How long to wait for the cluster's first worker, and for one to come back where all are gone.
    block_bytes
        How large a block of rows is to be in memory; planned from the workers' memory unless given.
    broadcast_bytes
        Up to which size one side of a join is sent to every worker instead of shuffling both.
    gather_bytes
        How large a table may be that must come together on one worker; a share of a worker's memory unless given.
    crossings
        What happens once more bytes have crossed between ingest and sinks than `crossings_budget`: nothing, a warning, or the run's end.
    crossings_budget
        How many bytes may cross. What a source brings in and what sinks and outputs take out is counted, but not against it.
    fallbacks
        Whether what the engine cannot do on its device is refused, or done on the host with a line in the report.
    pool_bytes
        How much device memory the run may take; all of it unless given.
    allow_differences
        Whether answers are taken that differ from those of engine ``cpu`` (docs/engines.md); refused unless they are.
    confirm_crossings
        Whether the driver's own records of copies are put beside the ledger, stage by stage; engine ``gpu`` can, with ``cupti-python``.
    """

    cluster: Any = None
    tls: tuple[str, str, str] | None = None
    allow_unencrypted: bool = False
    worker_seconds: float = 30.0
    block_bytes: int | None = None
    broadcast_bytes: int = 64 << 20
    gather_bytes: int | None = None
    crossings: Literal["allow", "warn", "raise"] = "allow"
    crossings_budget: int = 0
    fallbacks: Literal["refuse", "host"] = "refuse"
    pool_bytes: int | None = None
    allow_differences: bool = False
    confirm_crossings: bool = False


class Engine(ABC):
    """Where the rows live, and how to get at them."""

    name: ClassVar[str]
    lazy: ClassVar[bool] = False
    remote: ClassVar[bool] = False  # whether rows live in other processes
    is_wide: ClassVar[bool] = False  # whether tables keep all columns until they are computed, so that sources are told all of them
    counts_along: ClassVar[bool] = False  # whether rows inside a query are counted along with it at no cost
    limits: ClassVar[tuple[Limit, ...]] = ()

    def __init__(self, options: EngineOptions | None = None) -> None:
        self.options = options or EngineOptions()
        self.noted: Mapping[str, Any] = {}  # what the last task told of how it went; see `Tools.told`
        self.on_tasks: Callable[[int, int], None] | None = None  # told how many tasks are done, and of how many
        self.ledger = Ledger(policy=self.options.crossings, budget=self.options.crossings_budget)

    @abstractmethod
    def read(self, source: Source, reading: Reading, schema: Schema) -> Any:
        """Return the source's rows as this engine's data."""

    @abstractmethod
    def run(self, stage: TableStage, inputs: Sequence[Any], schema: Schema) -> Any:
        """Return the stage's result on the inputs, with exactly the dtypes of the schema."""

    @abstractmethod
    def compute(self, demands: Sequence[Demand]) -> list[Any]:
        """Return what is demanded, in order; work that demands share is done once."""

    @abstractmethod
    def solve(self, task: Task, inputs: Sequence[Any], progress: Progress | None = None, schema: Schema | None = None) -> Any:
        """Return what a task makes of its inputs: tables as the engine holds them, and what other tasks made.

        Parameters
        ----------
        schema
            The columns of the result, where it is a table.
        """

    def schema(self, data: Any) -> Schema:
        """Return the columns of a table, of whose missing values nothing is known."""
        from gpupipe.core import schema  # local: it loads narwhals, which a command's --help does without

        return schema.Schema.of_names(data.collect_schema())

    @property
    def task_bytes(self) -> int | None:
        """How much memory the process has that does a task; None where nobody says."""
        return None

    def brought(self, data: Any) -> Any:
        """Return what a task made that is no table, brought into this process."""
        return data

    def told(self, data: Any) -> Mapping[str, Any]:
        """Return what the report says of what a task made; see `Holding.describe`."""
        return data.describe() if isinstance(data, Holding) else {}

    @abstractmethod
    def deliver(self, data: Any) -> Any:
        """Return a table of the run's outputs as an eager narwhals frame, which lives where the engine's data does."""

    def head(self, data: Any, n_rows: int) -> Any:
        """Return some of a table's rows as an eager narwhals frame: its first ones, where it has an order."""
        return self.deliver(data).head(n_rows)

    @abstractmethod
    def size(self, data: Any) -> int | None:
        """Return the bytes that held data takes, or None where they are not known."""

    def another_try(self, error: GpupipeError) -> bool:
        """Whether the run may be begun again after an error, since the engine has changed what it can about its cause."""
        return False

    def dashboard(self) -> str | None:
        """Return the address of a page on which the run can be watched, where there is one."""
        return None

    def where(self) -> Mapping[str, Any] | None:
        """Return what the report says of the cluster that the engine runs on, or None where there is none."""
        return None

    def close(self) -> None:
        """Let go of everything the engine holds."""
        return None
