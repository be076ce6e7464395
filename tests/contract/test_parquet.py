"""What cuDF does with paths before it reads Parquet, which it does without a device: our files stay as they are given."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    made = []
    for year in (2003, 2001, 2002):
        folder = tmp_path / f"y={year}"
        folder.mkdir()
        pq.write_table(pa.table({"v": list(range(30))}), folder / "a.parquet", row_group_size=10)
        made.append(str(folder / "a.parquet"))
    return made


def processed(paths: list[str], **options: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = import_module("cudf.io.parquet")._process_dataset(paths, fsspec.filesystem("file"), **options)
    return found


def test_files_in_folders_named_as_partitions_stay_in_their_order(paths: list[str]) -> None:
    as_files = import_module("gpupipe.engines.cudf.reading").AS_FILES
    twice = [paths[0], paths[0], *paths[1:]]
    groups = [[0], [1, 2], [0, 1], [2]]
    assert processed(twice, row_groups=groups, dataset_kwargs=as_files) == (twice, groups, [], {})
    assert processed(paths[:1], dataset_kwargs=as_files) == (paths[:1], None, [], {})
    assert processed(paths)[3], "without it, cuDF makes a column of the folders: then this is needed no more"


def test_filters_choose_row_groups_and_make_no_column_of_folders(paths: list[str]) -> None:
    as_files = import_module("gpupipe.engines.cudf.reading").AS_FILES
    files, groups, keys, categories = processed(paths, filters=[[("v", ">", 15)]], dataset_kwargs=as_files)
    assert (files, groups) == (paths, [[1, 2]] * 3)
    assert not any(keys) and not categories
