from __future__ import annotations

from pathlib import Path

import pytest

from gpupipe.core.errors import PlanError, UsageError
from gpupipe.jobs.bundle import unpack
from gpupipe.jobs.submission import SubmitOptions, prepare

FLOW = """
from __future__ import annotations
import narwhals.stable.v2 as nw
import gpupipe as gp
import neighbour

def pipeline(data: str):
    return gp.Pipeline("flow", n=gp.Scalar(nw.len())(gp.ReadParquet(data).node()))

def other(n: int = 1):
    import pyarrow as pa
    table = gp.FromArrow(pa.table({"a": [n]})).node()
    return gp.Pipeline("other", out=gp.Select("a")(table))

def wrong():
    import pyarrow as pa
    return gp.Pipeline("wrong", out=gp.Select("b")(gp.FromArrow(pa.table({"a": [1]})).node()))
"""


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "sent_flow.py"
    path.write_text(FLOW)
    (tmp_path / "neighbour.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)  # what loading the file adds to the path goes with the test
    return path


def test_a_job_has_the_file_its_neighbours_and_the_words(flow: Path, tmp_path: Path) -> None:
    made = prepare(f"{flow}:other", ("n=3",), SubmitOptions("cpu", workdir="/data", checkpoints="s3://bucket/kept", resume=True))
    assert made.shipped == ("sent_flow.py", "neighbour.py")
    assert made.notes == ()
    job = made.job
    assert (job.target, job.engine, job.words, job.workdir) == ("sent_flow.py:other", "cpu", ("-p", "n=3"), "/data")
    assert (job.checkpoints, job.resume, job.state) == ("s3://bucket/kept", True, "queued")
    assert "@" in job.submitted_by
    unpack(made.bundle, tmp_path / "there")
    assert (tmp_path / "there" / "sent_flow.py").read_text() == FLOW


def test_what_is_wrong_in_the_plan_is_raised_and_what_is_not_here_is_noted(flow: Path) -> None:
    with pytest.raises(PlanError, match="'b'"):
        prepare(f"{flow}:wrong", (), SubmitOptions("cpu"))
    assert prepare(f"{flow}:wrong", (), SubmitOptions("cpu", check=False)).notes == ("the plan was not checked here",)
    (note,) = prepare(str(flow), ("data=/over/there/rows.parquet",), SubmitOptions("cpu")).notes
    assert note.startswith("the plan could not be checked here, and will be over there:")


def test_a_path_from_here_is_noted_since_it_is_another_one_over_there(flow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(flow.parent)
    Path("rows.parquet").write_bytes(b"")
    relative, absolute = (
        prepare(str(flow), (f"data={path}",), SubmitOptions("cpu", check=False)).notes for path in ("rows.parquet", "/rows")
    )
    assert [note for note in relative if "rows.parquet is a path from this folder" in note]
    assert not [note for note in absolute if "from this folder" in note]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (SubmitOptions("dsak"), "Did you mean 'dask'"),
        (SubmitOptions(workdir="data"), "--workdir .* expects an absolute path, got 'data'"),
        (SubmitOptions(checkpoints="kept"), "--checkpoints .* expects an absolute path, got 'kept'"),
        (SubmitOptions(resume=True), "name it with --checkpoints"),
    ],
)
def test_what_makes_no_sense_is_refused(flow: Path, asked: SubmitOptions, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        prepare(f"{flow}:other", (), asked)
