"""What is told of Parquet files: the bytes of each column, whether files are alike, and changed files anew."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpupipe.engines._footers import footer_of

TABLE = pa.table({"a": list(range(1000)), "s": [{"x": number, "y": str(number)} for number in range(1000)], "l": [[1, 2]] * 1000})


def test_bytes_of_columns_are_those_of_their_pages(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "a.parquet", row_group_size=300)
    facts = pq.read_metadata(tmp_path / "a.parquet")
    footer = footer_of(str(tmp_path / "a.parquet"))
    groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
    assert len(groups) == 4
    assert footer.page_bytes["a"] == sum(group.column(0).total_compressed_size for group in groups)
    assert footer.page_bytes["s"] == sum(group.column(place).total_compressed_size for group in groups for place in (1, 2))
    assert sum(footer.page_bytes.values()) == sum(group.column(place).total_compressed_size for group in groups for place in range(4))
    assert footer.schema.names == ["a", "s", "l"]


@pytest.mark.parametrize(
    "other",
    [TABLE.select(["s", "a", "l"]), TABLE.set_column(0, "a", TABLE["a"].cast(pa.int32())), TABLE.rename_columns(["b", "s", "l"]),
     TABLE.set_column(0, "a", TABLE["a"].cast(pa.timestamp("us"))), TABLE.select(["a", "s"])],
    ids=["order", "width", "name", "meaning", "fewer"],
)  # fmt: skip
def test_files_that_differ_are_told_apart(tmp_path: Path, other: pa.Table) -> None:
    for name, table in {"a": TABLE, "b": TABLE.slice(10, 5), "c": other}.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    one, same, differs = (footer_of(str(tmp_path / f"{name}.parquet")).columns for name in "abc")
    assert one == same != differs


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    pq.write_table(TABLE.select(["a"]), path)
    assert footer_of(path) is footer_of(path)
    pq.write_table(TABLE.select(["l"]), path)
    os.utime(path, (1, 1))
    assert footer_of(path).schema.names == ["l"]
