"""Tables in pieces: key stages go through file by file where the source says that keys stay together, and that is checked."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.ends import Reading
from gpupipe.core.errors import SourceError
from gpupipe.core.schema import Schema
from gpupipe.engines._symbolic import keeps_keys
from gpupipe.engines.polars.engine import CpuEngine
from gpupipe.engines.polars.pieces import Keys, Pieces, _runs
from gpupipe.testing.compare import assert_same_rows

ROWS = pl.DataFrame({"k": [1, 1, 2, 3, 3, 3], "t": [0, 1, 0, 0, 1, 5], "x": [1.0, 2.0, 3.0, None, 5.0, 6.0]})
SCHEMA = Schema.of_names({"k": nw.Int64(), "t": nw.Int64(), "x": nw.Float64()})


@gp.by_key("k")
def greatest(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.with_columns(top=nw.col("x").max().over("k"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name, keys in (("a", [1]), ("b", [2, 3])):
        ROWS.filter(pl.col("k").is_in(keys)).write_csv(tmp_path / "in" / f"{name}.csv")
    return tmp_path / "in"


def test_pieces_give_what_the_whole_gives(folder: Path, engine: str) -> None:
    def pipeline(**options: str) -> gp.Pipeline:
        table = greatest(gp.ReadCsv(folder, **options).node() >> gp.WithColumns(x=nw.col("x") + 1))
        rolled = gp.Rolling("k", index="t", start=0, stop=2, low=("x", "min"))(table)
        return gp.Pipeline("p", out=rolled >> gp.Filter(nw.col("t") < 5), n=gp.Scalar(nw.col("top").sum())(table))

    apart, together = pipeline(key="k").run(engine), pipeline().run(engine)
    assert_same_rows(apart["out"], together["out"])
    assert apart["n"] == together["n"]


def test_row_and_key_stages_keep_the_pieces_apart(folder: Path) -> None:
    engine = CpuEngine()
    source = gp.ReadCsv(folder, key="k")
    data = engine.read(source, Reading(("k", "t", "x")), SCHEMA)
    assert isinstance(data, Pieces) and len(data.frames) == 2 and data.key == ("k",)
    data = engine.run(gp.WithColumns(y=nw.col("x") * 2), [data], SCHEMA)
    assert isinstance(data, Pieces) and data.key == ("k",)
    data = engine.run(greatest, [data], SCHEMA)
    assert isinstance(data, Pieces)
    assert not isinstance(engine.run(gp.SortRows("x"), [data], SCHEMA), Pieces)
    engine.close()


def test_a_stage_that_changes_the_key_ends_the_promise(folder: Path) -> None:
    engine = CpuEngine()
    data = engine.read(gp.ReadCsv(folder, key="k"), Reading(("k", "t", "x")), SCHEMA)
    changed = engine.run(gp.WithColumns(k=nw.col("k") // 2), [data], SCHEMA)
    assert isinstance(changed, Pieces) and changed.key == ()
    assert not isinstance(engine.run(greatest, [changed], SCHEMA), Pieces)
    engine.close()


def test_a_stage_of_another_key_sees_the_whole(folder: Path, engine: str) -> None:
    counted = gp.GroupBy("t", n=nw.len())(gp.ReadCsv(folder, key="k").node())
    out = gp.Pipeline("p", out=counted).run(engine)["out"]
    assert dict(zip(out["t"].to_list(), out["n"].to_list(), strict=True)) == {0: 3, 1: 2, 5: 1}


@gp.by_key("k")
def collected(frame: nw.LazyFrame) -> nw.LazyFrame:
    """Changes the key where no query shows it."""
    return frame.collect().with_columns(nw.col("k") + 1).lazy()


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (collected, False),
        (gp.Filter(nw.col("x") > 1), True),
        (gp.WithColumns(y=nw.col("k") + 1), True),
        (gp.WithColumns(k=nw.col("k") + 1), False),
        (gp.Rename(k="j"), False),
        (gp.Rename(x="k", k="j"), False),
        (gp.Drop("k"), False),
        (gp.Cast({"k": nw.Int32}), False),
        (gp.FillNull({"k": 0}), False),
        (gp.HashCategory("x"), True),
    ],
)
def test_only_untouched_columns_pass_through(stage: gp.core.stage.TableStage, expected: bool) -> None:
    assert keeps_keys(stage, [SCHEMA], ["k"]) is expected


def test_a_key_in_two_files_is_an_error(folder: Path) -> None:
    pl.DataFrame({"k": [2], "t": [9], "x": [0.0]}).write_csv(folder / "c.csv")
    table = greatest(gp.ReadCsv(folder, key="k").node())
    with pytest.raises(SourceError, match=r"all rows of a key stand in one file, but \{'k': 2\} stands in .*b\.csv and in .*c\.csv"):
        gp.Pipeline("p", out=table).run("cpu")


def test_an_error_inside_a_piece_names_row_and_file(folder: Path) -> None:
    (folder / "b.csv").write_text("k,t,x\n2,0,3.0\n3,zero,1.0\n")
    source = gp.ReadCsv(folder, key="k", schema={"k": nw.Int64, "t": nw.Int64, "x": nw.Float64})
    with pytest.raises(SourceError, match=r"b\.csv, line 3 .*'zero'"):
        gp.Pipeline("p", out=greatest(source.node())).run("cpu")


@pytest.mark.parametrize("values", [[], [5], [5] * 9, [5] * 9 + [7] * 9 + [5] * 9, [3, 1, 2], [None, 4, 4, 4, 4, 4]])
@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt8, pl.Int128, pl.String])
def test_the_keys_seen_are_those_there(values: list[int | None], dtype: pl.DataType) -> None:
    rows = pl.Series(values, dtype=pl.Int64).cast(dtype)
    frame = _runs(rows, "k")
    assert frame.columns == ["k"]
    seen = frame["k"]
    assert seen.dtype == dtype and set(seen) == set(rows)
    assert len(seen) <= max(1, len(rows) // 3 + 1) or len(rows) == 3  # a key's rows stand together, and are told once


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells how much memory is held this way")
def test_the_keys_seen_take_no_room_for_rows() -> None:
    rows = pl.Series(range(500_000)) % 10
    seen = [_runs(rows, "k")]
    before = held_bytes()
    seen += [_runs(rows, "k") for _ in range(40)]
    assert {len(frame) for frame in seen} == {10}
    assert held_bytes() - before < 40 * 8 * len(rows) // 4


def held_bytes() -> int:
    """Return how much memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_nothing_of_a_run_outlives_it(tmp_path: Path) -> None:
    for number in range(3):
        pl.DataFrame({"k": [number] * 5, "x": range(5)}).write_parquet(tmp_path / f"{number}.parquet")
    table = gp.ReadParquet(tmp_path, key="k").node()
    gp.Pipeline("p", sums=gp.GroupBy("k", s=nw.col("x").sum())(table), rows=table).run("cpu")
    gc.collect()
    mine = str(tmp_path)  # other tests may hold theirs
    assert not [one for one in gc.get_objects() if type(one) is Keys and mine in one.files[0]]
    assert not [one for one in gc.get_objects() if type(one) is Pieces and mine in one.keys.files[0]]
