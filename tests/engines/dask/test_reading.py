"""How large blocks are is planned from schema, counts and threads, and files that keep keys together stay whole where that pays."""

from __future__ import annotations

from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.demand import Demand
from gpupipe.core.ends import Reading
from gpupipe.core.errors import SourceError
from gpupipe.core.schema import Schema
from gpupipe.engines.dask.engine import DaskEngine
from gpupipe.engines.dask.reading import LEAST_ROWS, Sizes, planned

NARROW = Schema.of_names({"a": nw.Int64()})


def test_blocks_have_the_bytes_planned_and_every_thread_has_some() -> None:
    sizes = Sizes(block_bytes=8 * 1_000_000, n_threads=4)
    assert sizes.rows(NARROW) == 1_000_000
    assert sizes.spread(10**9, 1_000_000) == 1_000_000, "no more than a block may have"
    assert sizes.spread(1_200_000, 1_000_000) == 100_000, "three blocks a thread"
    assert sizes.spread(1000, 1_000_000) == LEAST_ROWS, "a few rows are one block"
    assert sizes.spread(1000, 10) == 10


def test_row_groups_and_small_files_make_blocks(tmp_path: Path) -> None:
    pl.DataFrame({"a": range(1_000_000)}).write_parquet(tmp_path / "large.parquet", row_group_size=100_000)
    for number in range(5):
        pl.DataFrame({"a": range(1000)}).write_parquet(tmp_path / f"small{number}.parquet")
    groups, n_rows, whole = planned(gp.ReadParquet(tmp_path), Sizes(8 * 250_000, 1), NARROW)
    assert [sum(piece.n_rows for piece in group) for group in groups] == [200_000] * 4 + [205_000]
    assert n_rows == 1_005_000 and not whole


def test_a_file_that_keeps_keys_together_stays_whole_unless_it_is_much_too_large(tmp_path: Path) -> None:
    for number in range(4):
        pl.DataFrame({"a": range(100_000)}).write_parquet(tmp_path / f"{number}.parquet", row_group_size=10_000)
    source = gp.ReadParquet(tmp_path, key="a")
    groups, _, whole = planned(source, Sizes(8 * 50_000, 2), NARROW)
    assert whole and len(groups) == 4
    groups, _, whole = planned(source, Sizes(8 * 20_000, 2), NARROW)
    assert not whole and len(groups) == 20, "each is more than four blocks"
    groups, _, whole = planned(source, Sizes(8 * 200_000, 8), NARROW)
    assert whole and len(groups) == 4, "to deal the rows by key would cost more than the four idle threads"
    groups, _, whole = planned(source, Sizes(8 * 200_000, 16), NARROW)
    assert not whole and len(groups) > 4, "sixteen threads have more to do with pieces"


def test_a_key_in_two_files_is_found(tmp_path: Path, dask_engine: DaskEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.engines.dask.reading.LEAST_ROWS", 1)
    for number, keys in enumerate(([1, 1, 2], [3, 3, 4], [5, 2, 6])):
        pl.DataFrame({"k": keys, "x": [1, 2, 3]}).write_parquet(tmp_path / f"{number}.parquet")
    source = gp.ReadParquet(tmp_path, key="k")
    held = dask_engine.read(source, Reading(("k", "x")), source.schema())
    assert held.placed is not None
    with pytest.raises(SourceError, match=r"declares that all rows of a key stand in one file, but \{'k': 2\} stands in several"):
        dask_engine.compute([Demand("rows", held)])


def test_what_is_read_twice_is_read_once(tmp_path: Path, dask_engine: DaskEngine) -> None:
    pl.DataFrame({"k": [1, 2]}).write_parquet(tmp_path / "a.parquet")
    source = gp.ReadParquet(tmp_path)
    held = dask_engine.read(source, Reading(("k",)), source.schema())
    assert dask_engine.compute([Demand("rows", held), Demand("arrow", held), Demand("drain", held)])[0] == 2
    (worker,) = [one for one in dask_engine.where()["workers"] if one["blocks"]]
    assert worker["steps"]["0"][:2] == (1, 2), "one block of two rows, though three things were demanded of it"


def test_rows_of_this_process_travel_with_the_tasks_however_many_without_a_word(dask_engine: DaskEngine) -> None:
    many = pl.DataFrame({"a": range(2_000_000)})  # 16 MB, of which Dask would warn
    held = dask_engine.read(gp.FromFrame(many), Reading(("a",)), NARROW)
    assert dask_engine.compute([Demand("rows", held)]) == [2_000_000]
