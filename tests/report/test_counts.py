from __future__ import annotations

from gpupipe.report.counts import RowCounts
from gpupipe.report.record import Record


def test_rows_are_those_of_all_steps_that_have_as_many() -> None:
    stages = [{"id": number, "name": "S", "kind": "row", "inputs": [number - 1] if number else []} for number in range(5)]
    record = Record("p", "cpu", stages, None, {})
    counts = RowCounts(record, [(1, 0), (2, 1), (4, 3)])
    counts.enter(1, 7)
    counts.enter(3, None)
    assert [entry["rows_out"] for entry in record.stages] == [7, 7, 7, None, None]
    assert counts.unknown([0, 1, 3, 4]) == [3]
    counts.enter(4, 2)
    counts.enter(0, 9)  # what is known stays
    assert [entry["rows_out"] for entry in record.stages] == [7, 7, 7, 2, 2]
