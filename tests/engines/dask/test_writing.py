"""Workers write files of a folder by themselves; a single file's rows come to the driver in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.core.demand import Demand
from gpupipe.core.ends import Sink
from gpupipe.core.errors import SinkError
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.engine import DaskEngine

Hold = Callable[[pa.Table], Blocks]


def write(engine: DaskEngine, sink: Sink, held: Blocks, table: pa.Table) -> dict[str, object]:
    writer = sink.open(table.schema)
    try:
        engine.compute([Demand("write", held, writer=writer)])
    except BaseException:
        writer.abort()
        raise
    done: dict[str, object] = writer.commit()
    return done


def test_a_folder_has_a_file_a_block(tmp_path: Path, dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    done = write(dask_engine, gp.WriteParquet(tmp_path / "out"), blocks(table), table)
    assert done["rows"] == 400
    files = sorted(path.name for path in (tmp_path / "out").glob("*.parquet"))
    assert files == [f"part-{number:05d}.parquet" for number in range(6)]
    assert pl.read_parquet(tmp_path / "out")["t"].to_list() == table["t"].to_pylist(), "block after block, in order"


def test_partitions(tmp_path: Path, dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    done = write(dask_engine, gp.WriteParquet(tmp_path / "out", partition_by="b"), blocks(table), table)
    assert done["rows"] == 400
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == ["b=false", "b=true"]
    assert pl.read_parquet(tmp_path / "out").height == 400


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow"])
def test_a_single_file_has_all_rows_in_order(kind: str, tmp_path: Path, dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    sink = {"parquet": gp.WriteParquet, "csv": gp.WriteCsv, "arrow": gp.WriteArrow}[kind](tmp_path / f"out.{kind}")
    write(dask_engine, sink, blocks(table), table)
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "arrow": pl.read_ipc}[kind](tmp_path / f"out.{kind}")
    assert read["t"].to_list() == table["t"].to_pylist()


def test_no_rows_are_an_empty_output(tmp_path: Path, dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    write(dask_engine, gp.WriteParquet(tmp_path / "out"), blocks(table.slice(0, 0)), table)
    assert pl.read_parquet(tmp_path / "out").schema.names() == table.column_names


def test_what_another_attempt_left_is_removed_and_a_lost_file_is_told(
    tmp_path: Path, dask_engine: DaskEngine, blocks: Hold, table: pa.Table
) -> None:
    writer = gp.WriteParquet(tmp_path / "out").open(table.schema)
    parts = writer.parts()
    assert parts is not None
    first = parts.write(0, table.slice(0, 10).to_batches())
    again = parts.write(0, table.slice(0, 10).to_batches())
    assert first == again, "writing a part twice leaves one"
    stray = Path(first["files"][0]).with_name(".00001-cut-off")
    stray.write_bytes(b"half")
    writer.take_parts([first])
    writer.close()
    assert not stray.exists()
    assert writer.commit()["rows"] == 10
    other = gp.WriteParquet(tmp_path / "other").open(table.schema)
    with pytest.raises(SinkError, match="not to be seen from here, such as /nowhere/part-00000.parquet. Write to a path that all machines"):
        other.take_parts([{"rows": 1, "files": ["/nowhere/part-00000.parquet"]}])
    other.abort()
