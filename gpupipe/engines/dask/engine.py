"""Engine ``dask``: blocks of rows on many workers, and the block engine of a single process on each of them.

Tables stay lazy dask.dataframes. Everything that is demanded at one time goes to the cluster as one graph, so that Dask does shared work
once; what later phases need is held on the workers.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import pandas as pd
import pyarrow as pa

from gpupipe.core.aggregates import Grouping
from gpupipe.core.by_blocks import ByBlocks
from gpupipe.core.decimals import exact
from gpupipe.core.demand import Demand
from gpupipe.core.ends import Reading, Source
from gpupipe.core.engine import Engine, EngineOptions
from gpupipe.core.errors import GpupipeError
from gpupipe.core.expressions import Named
from gpupipe.core.progress import Progress
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.core.task import Task
from gpupipe.core.want import Want
from gpupipe.engines._arrow import conform_arrow
from gpupipe.engines._block_engine import PACKED
from gpupipe.engines._blocks import MeasureBytes, MergeBlocks, TaskContext, added, block_engine, unpacked
from gpupipe.engines._crossed import take_over
from gpupipe.engines._scratch import Scratch
from gpupipe.engines._stretch import ChooseColumns, CountRows, DrainRows, FirstRows, MeasureRows, PrepareWant
from gpupipe.engines._symbolic import VERBS, empty_frame, frame_schema, narrowed, needed_columns
from gpupipe.engines._ways import own_way
from gpupipe.engines.dask.account import described
from gpupipe.engines.dask.aggregates import Aggregation, in_parts
from gpupipe.engines.dask.blocks import Blocks, Held, Origin, Site, Worked, mapped, merged, reduced
from gpupipe.engines.dask.by_blocks import PartsOnWorkers, joined, solved_by_blocks
from gpupipe.engines.dask.clusters import OpenCluster, open_cluster
from gpupipe.engines.dask.keys import ListKeys, check_keys, counted_keys
from gpupipe.engines.dask.limits import LIMITS
from gpupipe.engines.dask.lowering import frame_of, lowered
from gpupipe.engines.dask.reading import Sizes, read_blocks
from gpupipe.engines.dask.solving import Remote, solved_on_one_worker
from gpupipe.engines.dask.tables import aggregated, gathered, run_stage
from gpupipe.engines.dask.waiting import LostWorkersError, Waiter, connection_errors
from gpupipe.engines.dask.writing import written
from gpupipe.engines.load import engine_type

_BLOCK_SHARE = 32  # of a thread's memory, for a block as it is read: a stage may hold several, wider ones
_GATHER_SHARE = 4
_SMALLER, _TRIES, _LEAST_RETRIED = 4, 3, 1 << 20


class DaskEngine(Engine):
    """Dask: many workers, each with engine ``cpu``."""

    name: ClassVar[str] = "dask"
    lazy: ClassVar[bool] = True
    remote: ClassVar[bool] = True
    counts_along: ClassVar[bool] = True
    limits = (*LIMITS, *engine_type("cpu").limits)
    blocks: ClassVar[str] = "cpu"
    block_range: ClassVar[tuple[int, int]] = (8 << 20, 128 << 20)
    tasks_in: ClassVar[tuple[str, ...]] = ("gpupipe.engines.dask.tasks",)
    works_by_blocks: ClassVar[bool] = True  # whether tasks that can be done by blocks are

    def __init__(self, options: EngineOptions | None = None) -> None:
        super().__init__(options)
        self.run_id = uuid.uuid4().hex[:12]
        self.scratch = Scratch()
        self._cluster: OpenCluster | None = None
        self._sizes: Sizes | None = None
        self._since = 0.0
        self._retries: list[str] = []
        self._unchecked: list[tuple[Source, Blocks]] = []
        self._memory: tuple[int, int] | None = None

    @property
    def cluster(self) -> OpenCluster:
        """The cluster, opened when it is first needed: the one chosen, or $GPUPIPE_CLUSTER, or a local one."""
        if self._cluster is None:
            chosen = self.options.cluster or os.environ.get("GPUPIPE_CLUSTER")
            self._cluster = self._opened(replace(self.options, cluster=chosen))
            self._since = time.time()
        return self._cluster

    def _opened(self, options: EngineOptions) -> OpenCluster:
        """Return the cluster that the options name."""
        return open_cluster(options)

    @property
    def waiter(self) -> Waiter:
        """What waits for the cluster."""
        return Waiter(self.cluster.client, self.on_tasks, self.options.worker_seconds)

    @property
    def memory(self) -> tuple[int, int]:
        """The least memory that a worker may use, and how many threads all workers have."""
        if self._memory is not None:
            return self._memory
        workers = self.cluster.client.scheduler_info(n_workers=-1)["workers"].values()
        threads = sum(worker["nthreads"] for worker in workers)
        limits = [worker["memory_limit"] // worker["nthreads"] for worker in workers if worker["memory_limit"]]
        self._memory = (min(limits, default=2 << 30), max(1, threads))
        return self._memory

    @property
    def sizes(self) -> Sizes:
        """How large blocks are to be."""
        if self._sizes is None:
            per_thread, threads = self.memory
            least, most = self.block_range
            chosen = self.options.block_bytes or min(most, max(least, per_thread // _BLOCK_SHARE))
            self._sizes = Sizes(chosen, threads)
        return self._sizes

    @property
    def site(self) -> Site:
        """Where the stage at work is run."""
        gather = self.options.gather_bytes or max(64 << 20, self.memory[0] // _GATHER_SHARE)
        return Site(TaskContext(self.blocks, self.run_id, self.ledger.stage, self.block_options), self.options, gather)

    @property
    def block_options(self) -> EngineOptions:
        """What the workers' block engines are told of the options."""
        return EngineOptions()

    def read(self, source: Source, reading: Reading, schema: Schema) -> Blocks:
        """Return what is needed of the source, in blocks that the workers will read."""
        blocks = read_blocks(source, reading, schema, self.sizes, self.site.at, self.scratch.path)
        if blocks.placed is not None:
            self._unchecked.append((source, blocks))
        return blocks

    def run(self, stage: TableStage, inputs: Sequence[Blocks], schema: Schema) -> Blocks:
        """Return the stage's result, lazily."""
        return run_stage(stage, inputs, schema, self.site)

    def compute(self, demands: Sequence[Demand]) -> list[Any]:
        """Return what is demanded; all of it is one graph."""
        waiter = self.waiter
        with connection_errors(waiter.client, also=()):
            asked = [self._asked(demand) for demand in demands]
            asked += [self._keys_checked(source, blocks) for source, blocks in self._unchecked]
            self._unchecked = []
            found = waiter.held(lowered([one.origin for one in asked]))
            made = [one.finish(frame if one.held else waiter.fetched(frame)) for one, frame in zip(asked, found, strict=True)]
        return made[: len(demands)]

    def _asked(self, demand: Demand) -> ClusterRequest:
        """Return what the cluster is asked for one demand, and what is made of its answer."""
        blocks: Blocks = demand.data
        at = self.site.at
        if demand.form == "held":
            blocks = blocks if demand.want is None else self._prepared(blocks, demand.want)
            return ClusterRequest(
                blocks.origin, held=True, finish=lambda frame: replace(blocks, origin=Held(frame, blocks.schema), dealt={})
            )
        if demand.form in ("rows", "drain"):
            end = CountRows() if demand.form == "rows" else DrainRows()
            counted = merged(blocks.ended(at, end), MergeBlocks(at, added), "add")
            rows = demand.form == "rows"
            return ClusterRequest(counted, finish=lambda frame: _first(frame)["rows"][0].as_py() if rows else None)
        if demand.form == "write":
            assert demand.writer is not None
            return ClusterRequest(*written(blocks, demand.writer, at, self.waiter), held=True)
        return self._measured(blocks, demand.want)

    def _keys_checked(self, source: Source, blocks: Blocks) -> ClusterRequest:
        """Return what is asked to know whether a source's keys stand in one file, as it declares."""
        assert blocks.placed is not None
        at, keys = self.site.at, blocks.placed.keys
        chosen = Worked(at, ChooseColumns(keys), (blocks.origin,), narrowed(blocks.schema, keys))
        seen = Worked(at, ListKeys(), (chosen,), None, PACKED)
        return ClusterRequest(merged(seen, MergeBlocks(at, counted_keys), "keys"), finish=lambda frame: check_keys(source, _first(frame)))

    def _measured(self, blocks: Blocks, want: Want | None) -> ClusterRequest:
        """Return what is asked for a table on the host: a small one, merged by a tree, or all rows."""
        at = self.site.at
        if want is None:
            packed = blocks.ended(at, MeasureRows(at_end=True))
            return ClusterRequest(packed, finish=lambda frame: pa.concat_tables([unpacked(table) for table in frame["table"]]))
        if want.merge is not None:
            measured = self._prepared(blocks, want).ended(at, MeasureRows())
            return ClusterRequest(merged(measured, MergeBlocks(at, want.merge), "merge"), finish=_first)
        if blocks.n_blocks == 1:
            return ClusterRequest(self._prepared(blocks, want).ended(at, MeasureRows()), finish=_first)
        schema = frame_schema(want.prepare(VERBS, empty_frame(blocks.schema)), ())
        found = None if want.aggregates is None else _of_whole(want.aggregates, blocks.schema)
        if found is not None:
            return ClusterRequest(aggregated(found, "reduce", blocks, schema, self.site).ended(at, MeasureRows()), finish=_first)
        single = gathered(self._narrowed(blocks, want), self.site, "a value of the whole table")
        return ClusterRequest(self._prepared(single, want).ended(at, MeasureRows()), finish=_first)

    def _narrowed(self, blocks: Blocks, want: Want) -> Blocks:
        """Return the table with only the columns that a barrier looks at; at least one, since rows of no columns cannot be counted."""
        schema = narrowed(blocks.schema, needed_columns(lambda frame: want.prepare(VERBS, frame), [blocks.schema])[0])
        chosen = Worked(self.site.at, ChooseColumns(tuple(schema)), (blocks.origin,), schema)
        return replace(blocks, origin=chosen, schema=schema, dealt={})

    def _prepared(self, blocks: Blocks, want: Want) -> Blocks:
        """Return what a barrier wants of a table."""
        schema = frame_schema(want.prepare(VERBS, empty_frame(blocks.schema)), ())
        return Blocks(Worked(self.site.at, PrepareWant(want), (blocks.origin,), schema), schema, blocks.n_rows)

    def solve(self, task: Task, inputs: Sequence[Any], progress: Progress | None = None, schema: Schema | None = None) -> Any:
        """Return what a task makes: in the engine's own way, or on one worker where all rows come together."""
        own = own_way(self.tasks_in, task.task)
        if own is not None:
            return own(self, task, inputs, progress)
        waiter = self.waiter
        work = self._work_on_blocks(task, inputs)
        with connection_errors(waiter.client, also=()):
            if work is not None:
                made, self.noted = solved_by_blocks(work, task.title, inputs, (waiter, self.site, progress), schema)
            else:
                whole = [joined(each, self.site, task.title) if isinstance(each, PartsOnWorkers) else each for each in inputs]
                made, self.noted = solved_on_one_worker(task, whole, waiter, self.site, schema, task.title)
        return made

    def _work_on_blocks(self, task: Task, inputs: Sequence[Any]) -> ByBlocks | None:
        """Return how a task is done by blocks; None where one worker does it: the rows are in one block, or it must see them all."""
        if not inputs or not self.works_by_blocks:
            return None
        if isinstance(inputs[0], PartsOnWorkers):
            return task.by_blocks(inputs[0].whole) if len(inputs) == 1 else None
        many = all(isinstance(each, Blocks) for each in inputs) and inputs[0].n_blocks > 1
        return task.by_blocks(*(each.schema for each in inputs)) if many else None

    @property
    def task_bytes(self) -> int:
        """How much memory one worker's thread has."""
        return self.memory[0]

    def told(self, data: Any) -> Mapping[str, Any]:
        """Return what the report says of what a task made."""
        if isinstance(data, PartsOnWorkers):
            return data.whole.describe()
        return data.described if isinstance(data, Remote) else super().told(data)

    def brought(self, data: Any) -> Any:
        """Return what a task made that is no table, brought into this process."""
        if isinstance(data, PartsOnWorkers):
            parts = [part for part in self.waiter.fetched(data.frame)["table"] if part is not None]
            return data.whole.joined(block_engine(self.blocks).tools(None), parts)
        return self.waiter.fetched(data.frame)["table"].iloc[0][0] if isinstance(data, Remote) else data

    def deliver(self, data: Blocks) -> nw.DataFrame[Any]:
        """Return the rows, brought into this process."""
        (table,) = self.compute([Demand("arrow", data)])
        made: nw.DataFrame[Any] = block_engine(self.blocks).verbs.literal(conform_arrow(table, data.schema)).collect()
        return made

    def head(self, data: Blocks, n_rows: int) -> nw.DataFrame[Any]:
        """Return some of the rows, brought into this process."""
        first = Worked(self.site.at, FirstRows(n_rows), (data.origin,), data.schema)
        return self.deliver(Blocks(first, data.schema, n_rows)).head(n_rows)

    def size(self, data: Blocks | Remote | PartsOnWorkers) -> int | None:
        """Return the bytes of what is held."""
        if isinstance(data, PartsOnWorkers):
            return data.whole.n_bytes
        if isinstance(data, Remote):
            return data.n_bytes
        counted = reduced(mapped(MeasureBytes(self.site.at), "count", PACKED, frame_of(data)), MergeBlocks(self.site.at, added), "add")
        (frame,) = self.waiter.brought([counted])
        return int(_first(frame)["bytes"][0].as_py())

    def another_try(self, error: GpupipeError) -> bool:
        """Whether workers were lost with blocks that may have been too large; then the next try has smaller ones."""
        block_bytes = self.sizes.block_bytes // _SMALLER if isinstance(error, LostWorkersError) else 0
        if isinstance(error, LostWorkersError) and (block_bytes < _LEAST_RETRIED or len(self._retries) == _TRIES):
            error.add_note(f"Blocks were of {self.sizes.block_bytes:,} bytes at last, and a worker's thread has {self.memory[0]:,}.")
        if block_bytes < _LEAST_RETRIED or len(self._retries) == _TRIES:
            return False
        self._retries.append(f"blocks of {block_bytes:,} bytes instead of {self.sizes.block_bytes:,}, since workers were lost: {error}")
        self.options = replace(self.options, block_bytes=block_bytes)
        self.run_id, self._sizes, self._unchecked = uuid.uuid4().hex[:12], None, []
        return True

    def dashboard(self) -> str | None:
        """Return the address of Dask's own page about the cluster."""
        return self.cluster.dashboard

    def where(self) -> Mapping[str, Any] | None:
        """Return what each worker came to, what was lost and spilled, and the dashboard's address."""
        if self._cluster is None:
            return None
        account = described(self._cluster, self.run_id, self._since)
        take_over(self.ledger, [worker.pop("crossed") for worker in account["workers"]])
        return {**account, "retries": list(self._retries)}

    def close(self) -> None:
        """Leave the cluster, and stop it where it was started for this run."""
        if self._cluster is not None:
            self._cluster.close()
        self.scratch.close()


@dataclass(frozen=True, eq=False)
class ClusterRequest:
    """What the cluster is asked for, and what is made of its answer.

    Parameters
    ----------
    held
        Whether the answer stays on the workers.
    """

    origin: Origin
    finish: Callable[[Any], Any]
    held: bool = False


def _of_whole(aggregates: Named, schema: Schema) -> Aggregation | None:
    """Return aggregates of a whole table that can be made in parts."""
    return in_parts(Grouping((), exact(aggregates, empty_frame(schema)), drop_null_keys=False), schema)


def _first(frame: pd.DataFrame) -> pa.Table:
    """Return the one packed table."""
    return unpacked(frame["table"].iloc[0])
