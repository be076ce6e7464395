"""Errors of the user's own code on a worker: the line and the stage are told, wherever it ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpupipe.core.errors import StageError
from gpupipe.definition import load_definition
from tests.clusters import Servers
from tests.engines.dask.faults.running import Course

FLOW = """
import narwhals.stable.v2 as nw
import gpupipe as gp

def fail(frame, kind):
    if len(frame.collect()):  # not the plan's empty rows
        raise ZeroDivisionError(f"the user's own words in {kind}")
    return frame

@gp.rows
def in_rows(frame):
    return fail(frame, "rows")

@gp.by_key("key")
def in_key(frame):
    made = frame.with_columns(n=nw.len().over("key"))
    return fail(made, "key")

@gp.whole_table
def in_table(frame):
    return fail(frame, "table")

def pipeline(data: str, stage: str):
    table = gp.ReadParquet(data).node() >> gp.WithColumns(c=nw.col("b") * 2)
    made = {"in_rows": in_rows, "in_key": in_key, "in_table": in_table}[stage](table)
    return gp.Pipeline("errors", n=gp.Scalar(nw.col("c").sum())(made >> gp.Filter(nw.col("c") > 0)))
"""


@pytest.mark.parametrize("stage", ["in_rows", "in_key", "in_table"])
def test_the_users_own_line_and_the_stage_are_told(stage: str, servers: Servers, data: Path, tmp_path: Path) -> None:
    flow = tmp_path / "failing.py"
    flow.write_text(FLOW)
    definition = load_definition(str(flow))
    made = definition.build(definition.values([f"data={data}", f"stage={stage}"]))
    with pytest.raises(StageError, match="ZeroDivisionError: the user's own words in") as caught:
        Course(made, servers.address).ended()
    notes = caught.value.__notes__
    lines = FLOW.splitlines()
    here = next(number for number, line in enumerate(lines, start=1) if "raise ZeroDivisionError" in line)
    assert any(note.startswith(f"In stage {stage} on engine 'dask', wired at ") and "failing.py:" in note for note in notes), notes
    assert any(f'failing.py", line {here}, in fail: raise ZeroDivisionError(' in note for note in notes), notes
    assert any(f", in {stage}: return fail(" in note for note in notes), notes
