"""Pieces are read once for all tables that are made of them: what a second query needs is kept while the first one reads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.demand import Demand
from gpupipe.core.errors import GpupipeError
from gpupipe.engines.polars import shared_scan
from gpupipe.engines.polars.engine import CpuEngine
from gpupipe.engines.polars.pieces import Pieces, pieces_of
from gpupipe.stages.scalar import Scalar

N_PIECES = 4
N_ROWS = 5_000


class Watched:
    """A table in pieces that counts how many rows of each are made."""

    def __init__(self, at_once: int) -> None:
        self.made: Counter[int] = Counter()
        self.engine = CpuEngine()
        self.table = pieces_of("the test", ("k",), [(str(piece), self._piece(piece)) for piece in range(N_PIECES)])
        self.table.keys.at_once = at_once

    def _piece(self, piece: int) -> pl.LazyFrame:
        def count(rows: pl.Series) -> pl.Series:
            self.made[piece] += len(rows)
            return rows

        keys = [piece * 10 + row % 10 for row in range(N_ROWS)]
        frame = pl.LazyFrame({"k": keys, "x": [float(row) for row in range(N_ROWS)], "y": [piece] * N_ROWS})
        return frame.with_columns(pl.col("x").map_batches(count, return_dtype=pl.Float64, is_elementwise=True))

    def run(self, stage: Any) -> Pieces:
        made = self.engine.run(stage, [self.table], self.table.schema)
        assert isinstance(made, Pieces)
        return made

    @property
    def times(self) -> list[float]:
        """How many times each piece was made."""
        return [self.made[piece] / N_ROWS for piece in range(N_PIECES)]


@pytest.fixture(params=[1, 3], ids=["one at a time", "three at once"])
def watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    made = Watched(request.param)
    yield made
    made.engine.close()


@gp.by_key("k")
def greatest(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return frame.group_by("k").agg(top=nw.col("x").max())


def total(name: str) -> Scalar:
    return Scalar(nw.col(name).sum())


def wanted(stage: Any, table: Pieces) -> Demand:
    [want] = stage.wants(table.schema)
    return Demand(want.form, table, want)


def test_two_tables_read_each_piece_once(watched: Watched) -> None:
    wide, narrow = watched.run(gp.WithColumns(z=nw.col("x") * 2)), watched.run(greatest)
    held, tops, rows = watched.engine.compute([Demand("held", wide), wanted(total("top"), narrow), Demand("rows", narrow)])
    assert watched.times == [1] * N_PIECES
    whole = held.collect()
    assert len(whole) == N_ROWS * N_PIECES and whole["z"].to_list() == [2 * x for x in whole["x"].to_list()]
    assert whole["y"].to_list() == [piece for piece in range(N_PIECES) for _ in range(N_ROWS)]
    assert tops["top"].to_pylist() == [sum(N_ROWS - 10 + row for row in range(10)) * N_PIECES]
    assert rows == 10 * N_PIECES


def test_a_table_inside_a_query_leads(watched: Watched) -> None:
    other = nw.from_native(pl.LazyFrame({"k": list(range(10 * N_PIECES))}))
    joined = watched.engine.run(gp.Join("k", how="inner"), [watched.table, other], watched.table.schema)
    narrow = watched.run(greatest)
    n_rows, tops = watched.engine.compute([Demand("rows", joined), wanted(total("top"), narrow)])
    assert n_rows == N_ROWS * N_PIECES and tops["top"].to_pylist()[0] > 0
    assert max(watched.times) == 1


def test_of_a_table_with_many_rows_little_is_kept(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = watched.run(gp.Filter(nw.col("x") < 4_000)), watched.run(gp.WithColumns(z=nw.col("x") + 1))
    monkeypatch.setattr(shared_scan, "_MOST_KEPT", 150_000)  # one piece, and not two
    kept: list[shared_scan.Kept] = []
    monkeypatch.setattr(shared_scan.Kept, "__init__", _noted(shared_scan.Kept.__init__, kept))
    first, second = watched.engine.compute([Demand("arrow", a), Demand("arrow", b)])
    assert len(first) == 4_000 * N_PIECES and len(second) == N_ROWS * N_PIECES
    assert first["x"].to_pylist() == [float(x) for _ in range(N_PIECES) for x in range(4_000)]
    assert len(kept) == 1 and len(kept[0].pieces) <= 1, "of pieces that are worked side by side, it may be none"
    if watched.table.keys.at_once == 1:
        assert list(kept[0].pieces) == [0]
        assert watched.times[0] == 1
    assert watched.times[3] == 2


def _noted(make: Callable[..., None], made: list[shared_scan.Kept]) -> Callable[..., None]:
    """Return the constructor, which notes what it makes."""

    def init(self: shared_scan.Kept, *given: Any) -> None:
        made.append(self)
        make(self, *given)

    return init


def test_only_needed_columns_are_kept(watched: Watched) -> None:
    narrow = watched.run(gp.Filter(nw.col("x") > 10))
    assert watched.engine._needed(wanted(total("y"), narrow)) == ["y"]
    assert watched.engine._needed(Demand("arrow", narrow)) == ["k", "x", "y"]
    assert watched.engine._needed(Demand("rows", narrow)) == ["len"]
    assert narrow.counts.frames[0].to_native().collect().item() == N_ROWS - 11
    assert [frame.collect_schema().names() for frame in narrow.narrowed({"y", "k"})] == [["k", "y"]] * N_PIECES


def test_several_demands_of_one_table_read_it_once(watched: Watched) -> None:
    by_y = gp.GroupBy("y", n=nw.len())
    [want] = total("x").wants(watched.table.schema)
    demands = [Demand("arrow", watched.table), Demand("rows", watched.table), Demand(want.form, watched.table, want)]
    whole, n_rows, summed = watched.engine.compute(demands)
    assert len(whole) == n_rows == N_ROWS * N_PIECES and summed["x"].to_pylist() == [sum(whole["x"].to_pylist())]
    assert watched.times == [1] * N_PIECES
    watched.made.clear()
    grouped = watched.engine.run(by_y, [watched.table], watched.table.schema)  # of another key: it stands inside a query
    counts, again = watched.engine.compute([Demand("arrow", grouped), Demand("rows", watched.table)])
    assert counts["n"].to_pylist() == [N_ROWS] * N_PIECES and again == n_rows


def test_what_is_kept_of_text_is_its_own() -> None:
    rows = pl.DataFrame({"s": [f"{number:030}" for number in range(50_000)], "c": ["a", "b"] * 25_000}).with_columns(
        pl.col("c").cast(pl.Categorical)
    )
    few = rows.filter(pl.col("s").str.ends_with("7777"))
    own = shared_scan.copied(few)
    assert own.equals(few) and own.schema == few.schema
    before, after = (
        sum(buffer.size for buffer in frame["s"].to_arrow(compat_level=pl.CompatLevel.newest()).buffers() if buffer) for frame in (few, own)
    )
    assert before > 1_000_000
    assert after < 10_000


def test_a_function_that_raises_stop_iteration_is_no_end(tmp_path: Path) -> None:
    def stop(rows: pl.Series) -> Any:
        return next(iter(())) if len(rows) else rows  # the plan has none

    @gp.rows
    def stops(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return nw.from_native(nw.to_native(table).with_columns(pl.col("x").map_batches(stop, return_dtype=pl.Int64)))

    for piece in range(3):
        pl.DataFrame({"k": [piece] * 5, "x": range(5)}).write_csv(tmp_path / f"{piece}.csv")
    with pytest.raises(GpupipeError, match="StopIteration"):
        gp.Pipeline("p", out=stops(gp.ReadCsv(tmp_path, key="k").node())).run("cpu")


def test_the_work_ends_when_nobody_wants_the_rows(watched: Watched) -> None:
    frame = pl.concat([frame.to_native() for frame in watched.table.frames] * 200)
    rows = shared_scan.read_along(frame, 0, [])
    assert len(next(rows))
    running = [thread for thread in threading.enumerate() if thread.name == "gpupipe-piece"]
    assert running
    rows.close()
    for thread in running:
        thread.join(20)
    assert not any(thread.is_alive() for thread in running)


def test_tables_share_what_may_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_scan, "_MOST_KEPT", 100)
    one, of_two = shared_scan.Kept([]), shared_scan.Kept([], 2)
    assert one.has_room(50) and not of_two.has_room(50)
    assert one.claim(0) and not one.claim(0) and not of_two.claim(0)


def test_a_table_joined_with_what_it_says_of_itself(watched: Watched) -> None:
    tops = watched.run(greatest)
    joined = watched.engine.run(gp.Join("k", how="left"), [watched.table, tops], watched.table.schema)
    n_rows, of_tops = watched.engine.compute([Demand("rows", joined), Demand("rows", tops)])
    assert n_rows == N_ROWS * N_PIECES and of_tops == 10 * N_PIECES


def test_an_error_in_what_is_kept_is_told(watched: Watched) -> None:
    def fail(rows: pl.Series) -> pl.Series:
        raise ValueError("no such luck")

    failing = pl.col("x").map_batches(fail, return_dtype=pl.Float64)
    narrow = Pieces(tuple(nw.from_native(frame.to_native().select(failing)) for frame in watched.table.frames), (), watched.table.keys)
    with pytest.raises(GpupipeError, match="no such luck"):
        watched.engine.compute([Demand("held", watched.table), Demand("arrow", narrow)])
    assert watched.table.keys.kept == {}
    [rows] = watched.engine.compute([Demand("rows", watched.table)])
    assert rows == N_ROWS * N_PIECES


def test_who_wants_few_rows_gets_few(tmp_path: Path, engine: str) -> None:
    @gp.whole_table
    def first(table: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return table.head(7)

    for piece in range(3):
        pl.DataFrame({"k": [piece] * 5, "x": range(5)}).write_csv(tmp_path / f"{piece}.csv")
    table = gp.ReadCsv(tmp_path, key="k").node()
    made = gp.Pipeline("p", out=first(table), n=gp.Scalar(nw.len())(table), top=gp.Scalar(nw.col("top").sum())(greatest(table))).run(engine)
    assert len(made["out"]) == 7 and made["n"] == 15 and made["top"] == 12
