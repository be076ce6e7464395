"""Values that Python has none for are shown as text, and end no run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from gpupipe.report.values import python_values

FAR = 569_000_000_000_000_000  # in microseconds, in the year 20,000


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (pa.array([0, FAR, None], pa.timestamp("us")), [datetime(1970, 1, 1), "20000-11-22 03:33:20.000000", None]),
        (pa.array([5_000_000], pa.date32()), ["15659-07-15"]),
        (pa.array([[FAR]], pa.list_(pa.timestamp("us"))), ["a value of list<item: timestamp[us]>"]),
        (pa.array([1, None]), [1, None]),
    ],
)
def test_values(array: Any, wanted: list[Any]) -> None:
    assert python_values(array) == wanted


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
def test_a_run_with_times_beyond_pythons_is_shown(engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "far.parquet"
    pq.write_table(pa.table({"t": pa.array([FAR, None], pa.timestamp("us")), "x": [1, 2]}), path)
    result = gp.Pipeline("far", rows=gp.ToMemory()(gp.ReadParquet(path).node())).run(engine)
    (preview,) = (card for card in result.report["previews"] if card["title"] == "rows")
    assert "20000-11-22" in str(preview)
    assert result["rows"]["t"].cast(pa.int64()).to_pylist() == [FAR, None]
