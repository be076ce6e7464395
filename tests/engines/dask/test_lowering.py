"""What nothing separates is one task a block; eager block engines get a task a step, and the same rows come of both."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import distributed
import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from dask.dataframe.dask_expr._expr import MapPartitions

import gpupipe as gp
from gpupipe.core.arrow import schema_of
from gpupipe.core.demand import Demand
from gpupipe.core.ends import Reading
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import StageError
from gpupipe.core.stage import TableStage
from gpupipe.engines._threads import remade
from gpupipe.engines._tried import try_stage
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.engine import DaskEngine
from gpupipe.engines.dask.lowering import frame_of, lowered
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.trial import Trial

Hold = Callable[[pa.Table], Blocks]
STEPS = (
    gp.Filter(nw.col("t") > 30),
    gp.WithColumns(y=nw.col("t") * 2),
    gp.Rolling("k", index="t", start=-20, stop=1, m=("y", "max")),
    gp.WithColumns(z=nw.col("m") - nw.col("y")),
    gp.GroupBy("k", n=nw.col("z").n_unique(), most=nw.col("m").max()),
)


class PandasBlocks(DaskEngine):
    """Engine ``dask`` on blocks of pandas, as ``dask-cuda`` is on blocks of cuDF."""

    blocks: ClassVar[str] = "pandas"


def run(engine: DaskEngine, stages: tuple[TableStage, ...], held: Blocks) -> Blocks:
    for stage in stages:
        held = engine.run(stage, [held], try_stage(stage, [held.schema]).schema)
    return held


def expected(stages: tuple[TableStage, ...], table: pa.Table) -> pa.Table:
    for stage in stages:
        with Trial("cpu") as trial:
            table = trial.run(stage, table)
    return table


def n_mapped(frame: Any) -> int:
    return len({found._name for found in frame.expr.find_operations(MapPartitions)})


def test_steps_are_one_task_a_block_up_to_a_shuffle_and_one_after_it(dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    rows = table.select(["k", "t"])
    assert n_mapped(frame_of(run(dask_engine, STEPS[:2], blocks(rows)))) == 1
    made = run(dask_engine, STEPS, blocks(rows))
    assert n_mapped(frame_of(made)) == 2
    assert_same_rows(expected(STEPS, rows), dask_engine.compute([Demand("arrow", made)])[0])


def test_what_is_demanded_together_is_one_task_a_block_of_which_each_takes_its_own(
    dask_engine: DaskEngine, blocks: Hold, table: pa.Table
) -> None:
    held = blocks(table.select(["k", "t"]))
    first, second = run(dask_engine, STEPS[:1], held), run(dask_engine, STEPS[:2], held)
    mapped = [frame.expr.find_operations(MapPartitions) for frame in lowered([first.origin, second.origin, held.origin])]
    one, two, three = ({found._name for found in own} for own in mapped)
    assert [len(one), len(two), len(three)] == [2, 2, 2], "the stretch, and what takes one of its results"
    assert len(one & two & three) == 1, "all are of the same stretch"


def joined(engine: DaskEngine, left: Blocks, right: Blocks, on: str) -> Blocks:
    """Return a join whose right table goes with every block of the left one."""
    engine.options = replace(engine.options, broadcast_bytes=1 << 20)
    return engine.run(gp.Join(on), [left, right], try_stage(gp.Join(on), [left.schema, right.schema]).schema)


def test_a_small_table_is_waited_for_within_the_one_task_a_block(dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    rows, small = table.select(["k", "t"]), table.select(["t", "x"])
    worked = gp.WithColumns(v=nw.col("x") * 2)
    held = blocks(small)
    assert held.n_blocks > 1, "it is gathered, and so moved, before it goes with every block"
    made = run(dask_engine, (worked,), joined(dask_engine, run(dask_engine, STEPS[:2], blocks(rows)), held, "t"))
    names = {found._name for found in frame_of(made).expr.find_operations(MapPartitions) if found.npartitions == made.n_blocks}
    assert len({name for name in names if "withcolumns" in name}) == 1, "read, filtered, joined and worked in one task"
    with Trial("cpu") as trial:
        known = trial.run(worked, trial.run(gp.Join("t"), expected(STEPS[:2], rows), small))
    assert_same_rows(known, dask_engine.compute([Demand("arrow", made)])[0])


def test_a_table_joined_with_what_is_made_of_all_its_rows_waits_for_it(dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    rows = table.select(["k", "t"])
    most = gp.GroupBy("k", most=nw.col("y").max())
    kept = run(dask_engine, STEPS[:2], blocks(rows))
    made = joined(dask_engine, kept, run(dask_engine, (most,), kept), "k")
    with Trial("cpu") as trial:
        known = trial.run(gp.Join("k"), expected(STEPS[:2], rows), expected((*STEPS[:2], most), rows))
    assert_same_rows(known, dask_engine.compute([Demand("arrow", made)])[0])


def test_an_eager_block_engine_makes_the_same_rows_a_task_a_step(two_workers: str, table: pa.Table) -> None:
    engine = PandasBlocks(EngineOptions(cluster=two_workers, block_bytes=2000))
    engine.ledger.stage = 0
    rows = table.select(["k", "t", "s"])
    try:
        held = engine.read(gp.FromFrame(rows), Reading(("k", "t", "s")), schema_of(rows.schema))
        assert held.n_blocks > 3
        assert n_mapped(frame_of(run(engine, STEPS[:2], held))) == 3, "the rows of this process are a step as well"
        for stages in (STEPS, (gp.SortRows("t", descending=True),), (gp.GroupBy("s", m=nw.col("t").mean()),)):
            made = engine.compute([Demand("arrow", run(engine, stages, held))])[0]
            assert_same_rows(expected(stages, rows), made, ordered=isinstance(stages[0], gp.SortRows))
    finally:
        engine.close()


def test_the_step_of_a_query_that_fails_is_found(two_workers: str) -> None:
    table = gp.FromFrame(pl.DataFrame({"x": ["1", "2", "three"]})).node()
    table = gp.WithColumns(a=nw.concat_str("x", nw.lit("0")))(table)
    line = inspect.currentframe().f_lineno + 1
    table = gp.WithColumns(b=nw.col("a").cast(nw.Int64))(table)
    table = gp.Filter(nw.col("b") > 10)(table)
    with pytest.raises(StageError, match="three0") as caught:
        gp.Pipeline("p", n=gp.Scalar(nw.len())(table >> gp.WithColumns(c=nw.col("b") + 1))).run("dask", cluster=two_workers)
    assert caught.value.__notes__[0] == f"In stage WithColumns on engine 'dask', wired at tests/engines/dask/test_lowering.py:{line}."


def _threads(dask_worker: distributed.Worker) -> tuple[int, int]:
    return pl.thread_pool_size(), dask_worker.state.nthreads


def test_polars_has_as_many_threads_as_its_worker(two_workers: str) -> None:
    gp.Pipeline("p", n=gp.Scalar(nw.len())(gp.FromFrame(pl.DataFrame({"x": [1]})).node())).run("dask", cluster=two_workers)
    with distributed.Client(two_workers, set_as_default=False) as client:
        found = client.run(_threads).values()
    assert all(of_polars == of_worker for of_polars, of_worker in found)


def test_polars_has_as_many_threads_where_a_block_comes_before_the_first_task() -> None:
    part = pl.DataFrame({"x": [1]}).write_ipc_stream(None).getvalue()
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=3, dashboard_address="127.0.0.1:0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        client.run(remade, "gpupipe.engines.polars.blocks:frame_of_part", part)  # outside of tasks, as what another worker sends
        (found,) = client.run(_threads).values()
    assert found == (3, 3)
