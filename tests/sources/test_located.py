"""Sources as processes elsewhere read them: the files that were found, wherever one stands, and no others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

import gpupipe as gp
from gpupipe.core.ends import Source, SourceWarning

FORMS: dict[str, tuple[Callable[[str], Source], Callable[[pa.Table, Path], Any]]] = {
    "csv": (gp.ReadCsv, lambda table, path: pl.DataFrame(table).write_csv(path)),
    "jsonl": (gp.ReadJson, lambda table, path: pl.DataFrame(table).write_ndjson(path)),
    "arrow": (gp.ReadArrow, lambda table, path: feather.write_feather(table, path, compression="uncompressed")),
    "parquet": (gp.ReadParquet, pq.write_table),
}


@pytest.fixture(params=FORMS)
def source(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """Return a source of two files in folders named like keys, by a path that is relative to where the test stands."""
    make, write = FORMS[request.param]
    for year, values in (2023, [1, 2, 3]), (2024, [4, 5]):
        folder = tmp_path / "here" / "rows" / f"year={year}"
        folder.mkdir(parents=True)
        write(pa.table({"x": values}), folder / f"part.{request.param}")
    monkeypatch.chdir(tmp_path / "here")
    return make("rows")


def _read(source: Source, tmp_path: Path) -> list[Any]:
    """Return the files of a source, as an engine gets each by itself."""
    return [source.scan_piece(piece, tmp_path) for file in range(source.n_files()) for piece in source.pieces(file, 1000)]


def test_a_located_source_is_read_from_anywhere(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    located, scans = source.located(), _read(source, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = _read(located, tmp_path)
    assert [scan.schema for scan in found] == [scan.schema for scan in scans]
    assert len(found) == 2
    assert located.schema() == scans[0].schema
    assert located.located() == located
    assert located.origin() == source.origin() == "rows"


def test_a_file_that_comes_later_is_not_of_a_located_source(source: Source) -> None:
    located = source.located()
    first = next(Path("rows").rglob("part.*"))
    (first.parent / f"a{first.suffix}").write_bytes(first.read_bytes())
    assert located.n_files() == 2
    assert source.n_files() == 3


@pytest.mark.parametrize("source", ["parquet"], indirect=True)
def test_a_piece_of_parquet_asks_no_other_file(source: Source, tmp_path: Path) -> None:
    located = source.located()
    (piece,) = located.pieces(1, 1000)
    Path("rows/year=2023/part.parquet").unlink()
    assert list(located.scan_piece(piece, tmp_path).schema) == ["x", "year"]


def test_workers_elsewhere_read_relative_paths(source: Source, two_workers: str) -> None:
    node = source.node()
    pipeline = gp.Pipeline("rows", rows=gp.ToMemory()(node))
    made = pipeline.run("dask", cluster=two_workers)["rows"]
    assert sorted(made["x"].to_pylist()) == [1, 2, 3, 4, 5]


def test_what_is_put_aside_elsewhere_is_told_as_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_workers: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("rows.csv").write_text("x\n1\nzwei\n3\n")
    told, rejected = [], []
    for engine, options in ("cpu", {}), ("dask", {"cluster": two_workers}):
        source = gp.ReadCsv("rows.csv", schema={"x": nw.Int64}, quarantine=f"aside-{engine}")
        with pytest.warns(SourceWarning) if engine == "cpu" else nullcontext():
            gp.Pipeline("rows", rows=gp.ToMemory()(source.node())).run(engine, **options)
        told.append(dict(source.told(), **{"put into": None}))
        (aside,) = Path(f"aside-{engine}").iterdir()
        rejected.append((aside.name, pq.read_table(aside).to_pylist()))
    assert told[0] == told[1] == {"read": 3, "kept": 2, "rejected": 1, "put into": None}
    assert rejected[0] == rejected[1]
    assert rejected[0][1][0]["file"] == "rows.csv"
