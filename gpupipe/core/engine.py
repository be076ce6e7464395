"""What an engine is: it knows where the rows live. Its verbs are few, and about that alone.

A pipeline's tables pass through the executor as the engine's own data, which nobody else looks into. `run` may be lazy: nothing need
be computed before `compute`, which gets everything that is demanded at one time, so that an engine can do shared work once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from gpupipe.core.errors import GpupipeError
from gpupipe.core.ledger import Ledger
from gpupipe.core.limits import Limit
from gpupipe.core.options import WithOptions

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pyarrow as pa

    from gpupipe.core.barrier import Want
    from gpupipe.core.ends import Source, Writer
    from gpupipe.core.schema import Schema
    from gpupipe.core.stage import TableStage


Progress = Callable[[int, int | None, Mapping[str, float]], None]  # round, rounds in all, figures of the round


@dataclass(frozen=True)
class Reading:
    """What a source is read for: the columns, and the rows, that the pipeline needs.

    Parameters
    ----------
    columns
        The columns to read, in the source's order.
    predicate
        A Polars expression that keeps every row the pipeline needs, or None for all rows.
    """

    columns: tuple[str, ...]
    predicate: Any = None


@dataclass(frozen=True)
class Joining:
    """How two tables are joined. Missing keys match nothing.

    Parameters
    ----------
    suffix, left_suffix
        What is put behind names that both tables have: the right table's, and the left one's.
    once
        Of which sides each key is to stand in one row.
    """

    left_on: tuple[str, ...]
    right_on: tuple[str, ...]
    how: Literal["inner", "left", "right", "full", "semi", "anti", "cross"]
    suffix: str = "_right"
    left_suffix: str = ""
    once: frozenset[Literal["left", "right"]] = frozenset()
    ordered: bool = False  # whether a left or inner join must keep the order of the left table's rows


@dataclass(frozen=True)
class Sorting:
    """In what order rows are put."""

    columns: tuple[str, ...]
    descending: tuple[bool, ...]
    nulls_last: bool


@dataclass(frozen=True)
class Stacking:
    """The rows of several tables become those of one."""


@dataclass(frozen=True)
class ByBlock:
    """Done block by block; where `again`, once more on what is left of all blocks."""

    again: bool = False


Spread: TypeAlias = Joining | Sorting | Stacking | ByBlock


@dataclass(frozen=True)
class Rolled:
    """One column of a rolling window: a function of a column, under a new name."""

    name: str
    column: str
    function: Literal["min", "max", "sum", "mean", "count"]


@dataclass(frozen=True)
class Window:
    """The rows of the same key whose index lies in ``[index + start, index + stop)``, around each row."""

    by: tuple[str, ...]
    index: str
    start: int
    stop: int
    aggregates: tuple[Rolled, ...]

    @property
    def columns(self) -> list[str]:
        """The columns that the window needs."""
        return list(dict.fromkeys([*self.by, self.index, *(rolled.column for rolled in self.aggregates)]))


class Verbs(ABC):
    """What a stage may ask of an engine on frames, beyond narwhals: where the libraries disagree, or narwhals has no word for it."""

    @abstractmethod
    def join(self, left: nw.LazyFrame[Any], right: nw.LazyFrame[Any], how: Joining) -> nw.LazyFrame[Any]:
        """Return the joined rows. A full join keeps one key column, from whichever side has the row."""

    @abstractmethod
    def require_once(self, frame: nw.LazyFrame[Any], keys: Sequence[str], expected: str) -> nw.LazyFrame[Any]:
        """Return the frame; where rows have equal keys, computing it fails with what was `expected`. Missing keys equal nothing."""

    @abstractmethod
    def sort(self, frame: nw.LazyFrame[Any], columns: Sequence[str], descending: Sequence[bool], *, nulls_last: bool) -> nw.LazyFrame[Any]:
        """Return the rows in order; NaN is the largest number."""

    @abstractmethod
    def hash_rows(self, frame: nw.LazyFrame[Any], columns: Sequence[str], seed: int, name: str) -> nw.LazyFrame[Any]:
        """Return the frame with a UInt64 column `name`: XXH64 of the columns' values, the same on every engine."""

    @abstractmethod
    def hash_columns(self, frame: nw.LazyFrame[Any], columns: Sequence[str], seed: int, n_bits: int) -> nw.LazyFrame[Any]:
        """Return the frame with each of the columns replaced by the upper bits of its XXH64, as UInt32; missing stays missing."""

    @abstractmethod
    def look_up(self, frame: nw.LazyFrame[Any], values: Mapping[str, Sequence[str]], unknown: int | None) -> nw.LazyFrame[Any]:
        """Return the frame with columns replaced by the position, as Int32, of their text among the values; the rows keep their order."""

    @abstractmethod
    def scale(self, frame: nw.LazyFrame[Any], scales: Mapping[str, tuple[float, float]]) -> nw.LazyFrame[Any]:
        """Return the frame with columns as Float64, less the first number and divided by the second one."""

    @abstractmethod
    def roll(self, frame: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
        """Return the frame with the window's aggregates appended to each row."""

    @abstractmethod
    def map_arrays(self, frame: nw.LazyFrame[Any], mapped: ArrayMap) -> nw.LazyFrame[Any]:
        """Return the frame with columns appended that a function makes of an array of some columns."""

    @abstractmethod
    def unfitted(self, estimator: Any) -> Any:
        """Return a copy of an unfitted estimator, or what stands for it, that is fitted to the arrays that `map_arrays` hands over."""

    @abstractmethod
    def literal(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """Return a small Arrow table as a frame of this engine."""


@dataclass(frozen=True)
class ArrayMap:
    """A function from an array [n_rows, n_columns] to one array [n_rows] for each output.

    Parameters
    ----------
    columns
        The columns of the array, in order.
    outputs
        Names and dtypes of the columns made.
    function
        Gets the engine's array (NumPy, CuPy), never of zero rows; missing values are NaN.
    drop
        Columns left out of the result.
    whole
        Whether the function must see all rows at once.
    nan_as_null
        Whether NaN in what the function makes is missing.
    """

    columns: tuple[str, ...]
    outputs: tuple[tuple[str, Any], ...]
    function: Callable[[Any], Sequence[Any]]
    drop: tuple[str, ...] = ()
    whole: bool = False
    nan_as_null: bool = False


@dataclass(frozen=True)
class Demand:
    """One thing to compute.

    Parameters
    ----------
    form
        ``"arrow"``: an Arrow table; ``"held"``: the engine's data, computed and kept; ``"rows"``: the number of rows;
        ``"write"``: nothing, but the writer has all rows; ``"drain"``: nothing, but every value was made.
    schema
        The columns that are needed of the data, in their order and dtypes; an engine holds the data to it.
    """

    form: Literal["arrow", "held", "rows", "write", "drain"]
    data: Any
    want: Want | None = None
    writer: Writer | None = None
    schema: Schema | None = None


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
    def train(self, recipe: TrainingRecipe, train: Any, validation: Any | None) -> Any:
        """Return the fitted estimator."""

    @abstractmethod
    def score(self, recipe: ScoringRecipe, data: Any) -> Mapping[str, Any]:
        """Return ``{"values": {metric: number}, "curves": [...]}``."""

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


@dataclass(frozen=True)
class TrainingRecipe:
    """What to train on what."""

    estimator: Any
    features: tuple[str, ...]
    target: str | None
    weight: str | None
    progress: Progress | None = None


@dataclass(frozen=True)
class ScoringRecipe:
    """What to measure of predictions against what is true."""

    metrics: tuple[str, ...]
    target: str
    prediction: str | None
    probability: str | None
    weight: str | None
    features: tuple[str, ...] = ()
