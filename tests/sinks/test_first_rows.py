"""The first rows of what was written are read back from the beginning of its files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from gpupipe.core.ends import FIRST_COLUMNS, FIRST_ROWS
from gpupipe.sinks._first_rows import first_rows_of
from gpupipe.sinks.write_csv import WriteCsv
from gpupipe.sinks.write_parquet import WriteParquet

TABLE = pa.table({"a": list(range(10)), "b": [f"{number}" for number in range(10)], "c": [{"d": 1}] * 10})


def test_files_are_taken_in_order_until_there_are_enough(tmp_path: Path) -> None:
    pq.write_table(TABLE.slice(0, 0), tmp_path / "part-0.parquet")
    pq.write_table(TABLE.slice(0, 3), tmp_path / "part-1.parquet", row_group_size=8)
    feather.write_feather(TABLE.slice(3, 4), tmp_path / "part-2.arrow", compression="uncompressed")
    (tmp_path / "part-3.csv").write_text("a,b\n1,2\n")
    paths = [str(path) for path in tmp_path.iterdir()]
    found = first_rows_of(paths, ["c", "a"], 6)
    assert found is not None and found.column_names == ["c", "a"] and found["a"].to_pylist() == [0, 1, 2, 3, 4, 5]
    assert first_rows_of([str(tmp_path / "part-3.csv")], ["a"], 4) is None


def test_a_writer_keeps_few_of_the_rows_that_come_to_it(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(FIRST_COLUMNS + 2)]
    batch = pa.record_batch({name: list(range(FIRST_ROWS // 2 + 1)) for name in names})
    for sink in (WriteCsv(tmp_path / "a.csv"), WriteParquet(tmp_path / "folder")):
        writer = sink.open(batch.schema)
        for _ in range(3):
            writer.write(batch)
        writer.close()
        writer.commit()
        first = writer.first_rows()
        assert first is not None and first.shape == (FIRST_ROWS, FIRST_COLUMNS)
        assert first["c0"].to_pylist() == [*range(FIRST_ROWS // 2 + 1), *range(FIRST_ROWS // 2 - 1)]
