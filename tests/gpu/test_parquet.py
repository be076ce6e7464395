"""Parquet that is read on the device: with columns in folders' names, and in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from gpupipe.core.ends import Reading
from gpupipe.engines.load import load_engine
from gpupipe.testing.compare import assert_same_rows

TABLE = pl.DataFrame(
    {
        "y": [2001] * 400 + [2002] * 300 + [2003] * 300,
        "s": ["a b", None, "x", "x", "x"] * 200,
        "v": range(1000),
        "f": [None if n % 7 == 0 else n / 4 for n in range(1000)],
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    gp.Pipeline("p", out=gp.WriteParquet(tmp_path / "in", partition_by=["y", "s"])(gp.FromFrame(TABLE).node())).run("cpu")
    return tmp_path / "in"


@pytest.mark.parametrize("columns", [["y", "s", "v", "f"], ["v"], ["y"], ["s", "f"]], ids=",".join)
def test_columns_in_folders_are_read_on_the_device(folder: Path, columns: list[str]) -> None:
    pipeline = gp.Pipeline("p", out=gp.ReadParquet(folder).node() >> gp.Select(*columns))
    made = pipeline.run("gpu")
    assert_same_rows(made["out"], pipeline.run("cpu")["out"])
    reasons = {event["reason"] for event in made.report["crossings"]["events"] if event["direction"] == "host_to_device"}
    assert reasons <= {"pages of Parquet, decoded on the device", "values in folders' names"}


@pytest.mark.parametrize(
    "kept", [nw.col("y") > 2001, nw.col("y") > 2003, (nw.col("y") > 2001) & (nw.col("v") > 900), nw.col("s").is_null()]
)
def test_filters_of_folders_leave_the_same_rows(folder: Path, kept: nw.Expr) -> None:
    pipeline = gp.Pipeline("p", out=gp.ReadParquet(folder).node() >> gp.Filter(kept))
    assert_same_rows(pipeline.run("gpu")["out"], pipeline.run("cpu")["out"])


def test_pieces_are_read_on_the_device(tmp_path: Path) -> None:
    for name, rows in (("a", TABLE.head(700)), ("b", TABLE.tail(300))):
        pq.write_table(rows.to_arrow(), tmp_path / f"{name}.parquet", row_group_size=150)
    source = gp.ReadParquet(tmp_path)
    engine = load_engine("gpu")
    pieces = [*source.pieces(0, 300), *source.pieces(1, 300)]
    for reading in (Reading(("v", "f", "y", "s")), Reading(("s", "v"), pl.col("v") > 500)):
        parts = [engine.read_pieces(source, some, reading, source.schema()) for some in (pieces[:2], pieces[2:])]  # type: ignore[attr-defined]
        frames = [engine.deliver(part).to_polars() for part in parts]
        expected = TABLE.select(reading.columns)
        found = pl.concat(frames)
        if reading.predicate is not None:
            found, expected = found.filter(reading.predicate), expected.filter(reading.predicate)
        assert found.sort("v").equals(expected.sort("v"))
    assert {event["reason"] for event in engine.ledger.as_json()["events"]} >= {"pages of Parquet, decoded on the device"}
    engine.close()
