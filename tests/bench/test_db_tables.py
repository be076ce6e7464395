"""The tables have the sizes, the keys and the shares of keys that the db-benchmark's have, whoever writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench import parts
from bench.db_tables import group_by_rows, join_sizes, left_rows, make_group_by_table, make_join_tables, right_rows, scrambled

N = 20_000


def test_group_by_table(tmp_path: Path) -> None:
    table = pl.read_parquet(make_group_by_table(tmp_path, N))
    assert table.columns == ["id1", "id2", "id3", "id4", "id5", "id6", "v1", "v2", "v3"]
    assert [str(dtype) for dtype in table.dtypes] == ["String"] * 3 + ["Int32"] * 5 + ["Float64"]
    assert table.height == N
    distinct = {name: table[name].n_unique() for name in table.columns[:8]}
    assert distinct == {"id1": 100, "id2": 100, "id3": 200, "id4": 100, "id5": 100, "id6": 200, "v1": 5, "v2": 15}
    assert (table["id1"].min(), table["id1"].max()) == ("id001", "id100")
    assert (table["id3"].min(), table["id3"].max()) == ("id0000000001", "id0000000200")
    assert 0 <= table["v3"].min() < 0.1 and 99.9 < table["v3"].max() <= 100
    assert (table["v3"].round(6) == table["v3"]).all()


def test_join_tables_share_nine_tenths_of_their_keys(tmp_path: Path) -> None:
    folders = make_join_tables(tmp_path, N)
    left = pl.read_parquet(folders["left"])
    assert left.height == N and left["id3"].n_unique() == N
    for name, key in (("small", "id1"), ("medium", "id2"), ("big", "id3")):
        right = pl.read_parquet(folders[name])
        size = join_sizes(N)[name]
        assert right.height == right[key].n_unique() == size
        there, here = set(left[key]), set(right[key])
        assert len(there & here) == round(0.9 * size)
        assert len(there - here) == len(here - there) == size - round(0.9 * size)
    assert (left["id5"] == pl.Series("id" + left["id2"].cast(pl.String))).all()
    assert pl.read_parquet(folders["big"]).columns == ["id1", "id2", "id3", "id4", "id5", "v2"]
    assert pl.read_parquet(folders["small"]).columns == ["id1", "id4", "v2"]


def test_parts_are_the_same_whoever_makes_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        parts.write_parts(tmp_path / name, group_by_rows, N, N, a_part=8000)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["00000.parquet", "00001.parquet", "00002.parquet"]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in files)
    assert pl.read_parquet(tmp_path / "a").equals(
        pl.concat([pl.from_arrow(group_by_rows(i, min(i + 8000, N), N)) for i in (0, 8000, 16000)])
    )


def test_what_was_left_unfinished_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / ".t-unfinished").mkdir()
    (tmp_path / ".t-unfinished" / "old.parquet").write_text("half")
    parts.write_parts(tmp_path / "t", group_by_rows, 100, 100)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["00000.parquet"]


@pytest.mark.parametrize("size", [1, 2, 11, 110, 1100, 22_000])
def test_scrambled_numbers_are_all_there(size: int) -> None:
    assert np.array_equal(np.sort(scrambled(np.arange(size), size)), np.arange(size))


def test_rows_do_not_depend_on_the_parts_before_them() -> None:
    assert left_rows(100, 200, N)["id3"].to_pylist() == left_rows(0, N, N)["id3"].to_pylist()[100:200]
    assert right_rows(100, 200, "big", N)["id3"].to_pylist() == right_rows(0, N, "big", N)["id3"].to_pylist()[100:200]
