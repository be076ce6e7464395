"""Jobs as people have them: commands in processes of their own, against a scheduler and workers that were started as always."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytest.importorskip("distributed")
import distributed  # after the skip

from tests.clusters import Certificates, Servers, make_certificates

Command = Callable[..., Any]

FLOW = """
from __future__ import annotations
import time
from pathlib import Path
import narwhals.stable.v2 as nw
import polars as pl
import gpupipe as gp
from parts import factor

def rows(n: int):
    return gp.FromFrame(pl.DataFrame({"x": [float(i) for i in range(n)]})).node()

def pipeline(n: int = 10, out: Path = Path("made.parquet")):
    scaled = rows(n) >> gp.WithColumns(z=nw.col("x") * factor())
    scaler = gp.Standardize(["x"]).fit(scaled)
    return gp.Pipeline("flow", scaler=scaler, total=gp.Scalar(nw.col("z").sum())(scaled), out=gp.WriteParquet(out)(scaler(scaled)))

def slow(out: Path, started: Path, go: Path):
    @gp.whole_table
    def waiting(frame):
        if (frame.collect()["x"] == 2).any():  # the rows, and not what the plan makes up
            started.touch()
            print("waiting", flush=True)
            while not go.exists():
                time.sleep(0.05)
        return frame
    return gp.Pipeline("slow", out=gp.WriteParquet(out)(waiting(rows(3))))

def fails():
    @gp.rows
    def broken(frame):
        if (frame.collect()["x"] == 2).any():
            print("\\x1b[2J\\u202eclears the screen", flush=True)
            raise ArithmeticError("the user's own words")
        return frame
    return gp.Pipeline("fails", out=broken(rows(3)))

def reads(data: str):
    return gp.Pipeline("reads", rows=gp.Scalar(nw.len())(gp.ReadParquet(data).node()))

def wrong():
    return gp.Pipeline("wrong", out=gp.Select("xx")(rows(2)))
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp("cluster")).start(1)
    yield running
    running.stop()


@pytest.fixture
def job_flow(tmp_path: Path) -> Path:
    path = tmp_path / "flows" / "flow.py"
    (path.parent / "parts").mkdir(parents=True)
    path.write_text(FLOW)
    (path.parent / "parts" / "__init__.py").write_text("from .numbers_of_ours import FACTOR\ndef factor():\n    return FACTOR\n")
    (path.parent / "parts" / "numbers_of_ours.py").write_text("FACTOR = 3.0\n")
    (path.parent / "unused.py").write_text("")
    return path


@pytest.fixture
def apart(gpupipe: Command, servers: Servers) -> Command:
    """Run a command in a process of its own, with the cluster's address in its environment."""

    def run(*args: object) -> Any:
        return gpupipe(*args, GPUPIPE_CLUSTER=servers.address)

    return run


@pytest.fixture
def call(in_process: Command, servers: Servers) -> Command:
    """Run a command in this process, which is faster."""

    def run(*args: object) -> Any:
        return in_process(*args, "--cluster", servers.address)

    return run


def until(there: Callable[[], Any], what: str, seconds: float = 300.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_a_job_runs_without_whoever_sent_it_and_is_fetched_from_elsewhere(
    apart: Command, servers: Servers, job_flow: Path, tmp_path: Path
) -> None:
    sent = apart("submit", job_flow, "-p", "n=5", "--json")  # on engine dask, through the one thread that the cluster has
    assert sent.code == 0, sent.err
    job = sent.json["job"]
    assert job.startswith("flow-")
    assert sent.json["shipped"] == ["flow.py", "parts/__init__.py", "parts/numbers_of_ours.py"]
    assert "shipping flow.py, parts/__init__.py, parts/numbers_of_ours.py" in sent.err
    followed = apart("logs", "-f", job)
    assert followed.code == 0, followed.out + servers.told()
    assert followed.out.startswith("gpupipe: attempt 1, on tcp://")
    assert "flow  dask engine" in followed.out
    status = apart("status", job, "--json").json
    assert (status["state"], status["exit_code"], status["engine"], status["attempt"]) == ("succeeded", 0, "dask", 1)
    fetched = apart("fetch", job, "--out", "got")
    assert fetched.code == 0, fetched.err
    assert fetched.out == "got: log.txt, outputs, report.html, report.json, scaler\n"
    report = json.loads((tmp_path / "got" / "report.json").read_text())
    assert (report["status"], report["engine"], report["outputs"]["total"]) == ("ok", "dask", 30.0)
    assert "flow  dask engine" in (tmp_path / "got" / "log.txt").read_text()
    assert pl.read_parquet(tmp_path / "got" / "outputs" / "made.parquet").height == 5
    assert job in apart("list").out
    again = apart("fetch", job, "--out", "got")
    assert (again.code, "new or empty folder" in again.err) == (2, True)


def test_a_failing_job_says_so_everywhere(call: Command, job_flow: Path, tmp_path: Path) -> None:
    job = call("submit", f"{job_flow}:fails", "--engine", "pandas", "-q").out.strip()
    followed = call("logs", job, "-f")
    assert followed.code == 1
    assert "ArithmeticError: the user's own words" in followed.out or "the user's own words" in followed.out
    assert "flow.py:" in followed.out  # the line that wired the stage
    assert "\\x1b[2J\\u202eclears the screen" in followed.out and not {"\x1b", "\u202e"} & set(followed.out), "shown, and not obeyed"
    status = call("status", job)
    assert status.code == 1
    assert "failed" in status.out and "the user's own words" in status.out
    fetched = call("fetch", job, "--out", "got")
    assert (fetched.code, fetched.out) == (1, "got: log.txt, report.html, report.json\n")
    assert json.loads((tmp_path / "got" / "report.json").read_text())["status"] == "failed"


def test_two_jobs_run_at_once_and_one_is_cancelled_without_an_output(call: Command, job_flow: Path, tmp_path: Path) -> None:
    jobs = {}
    for name in ("a", "b"):
        words = ["-p", f"out={tmp_path}/{name}.parquet", "-p", f"started={tmp_path}/{name}", "-p", f"go={tmp_path}/go"]
        jobs[name] = call("submit", f"{job_flow}:slow", "--engine", "pandas", "-q", *words).out.strip()
    until(lambda: (tmp_path / "a").exists() and (tmp_path / "b").exists(), "one of the two jobs did not start")
    running = call("fetch", jobs["a"], "--out", "got")
    assert running.code == 2 and "is running" in running.err
    cancelled = call("cancel", jobs["a"], "--wait")
    assert (cancelled.code, cancelled.out) == (0, f"{jobs['a']}  cancelled\n")
    (tmp_path / "go").touch()
    assert call("status", jobs["a"]).code == 1
    assert "interrupted; outputs left as they were" in call("logs", jobs["a"]).out
    assert call("status", jobs["b"], "--wait", "--json").json["state"] == "succeeded"
    assert sorted(path.name for path in tmp_path.iterdir() if "parquet" in path.name) == ["b.parquet"]


def test_a_job_waits_for_a_thread_and_is_cancelled_at_once(call: Command, servers: Servers, job_flow: Path, tmp_path: Path) -> None:
    with distributed.Client(servers.address) as client:
        wait = ["sh", "-c", f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"]
        busy = client.submit(subprocess.run, wait, priority=1000, pure=False)
        until(lambda: any(client.processing().values()), "the worker did not begin")
        job = call("submit", job_flow, "--engine", "pandas", "-q").out.strip()
        assert call("status", job, "--json").json["state"] == "queued"
        assert call("cancel", job).out == f"{job}  cancelled\n"
        (tmp_path / "go").touch()
        busy.result(timeout=300)
    nothing = call("fetch", job, "--out", "got")
    assert nothing.code == 1 and "has nothing that it made" in nothing.err


def drivers_of(job: str) -> list[int]:
    """Return the processes that run a job's driver here: what they run is among their arguments, the job in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if b"gpupipe.jobs.driver" in (folder / "cmdline").read_bytes() and job.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def test_a_lost_worker_takes_its_driver_along_and_the_job_starts_again_from_its_checkpoints(
    call: Command, servers: Servers, job_flow: Path, tmp_path: Path
) -> None:
    words = ["-p", f"out={tmp_path}/a.parquet", "-p", f"started={tmp_path}/a", "-p", f"go={tmp_path}/go"]
    job = call("submit", f"{job_flow}:slow", "--engine", "pandas", "-q", "--checkpoints", tmp_path / "kept", *words).out.strip()
    until((tmp_path / "a").exists, "the job did not start")
    (driver,) = drivers_of(job)
    with distributed.Client(servers.address) as client:
        os.kill(client.submit(os.getpid, pure=False).result(), signal.SIGKILL)
    until(lambda: driver not in drivers_of(job), "the first driver outlived its worker")
    (tmp_path / "go").touch()
    status = call("status", job, "--wait", "--json").json
    assert (status["state"], status["attempt"]) == ("succeeded", 2), call("logs", job).out
    told = call("logs", job).out
    assert "does not run it any more; waiting for a worker to start it again" in told
    assert (tmp_path / "kept").is_dir()
    assert pl.read_parquet(tmp_path / "a.parquet").height == 3


def test_a_worker_that_leaves_hands_its_job_over(call: Command, servers: Servers, job_flow: Path, tmp_path: Path) -> None:
    words = ["-p", f"out={tmp_path}/a.parquet", "-p", f"started={tmp_path}/a", "-p", f"go={tmp_path}/go"]
    job = call("submit", f"{job_flow}:slow", "--engine", "pandas", "-q", *words).out.strip()
    until((tmp_path / "a").exists, "the job did not start")
    (driver,) = drivers_of(job)
    servers.add_worker("--nthreads", "1")
    with distributed.Client(servers.address) as client:
        client.wait_for_workers(2, timeout=300)
        first = call("status", job, "--json").json["worker"]
        client.retire_workers([first], close_workers=True)
    until(lambda: driver not in drivers_of(job), "the first driver outlived its worker")
    (tmp_path / "go").touch()
    status = call("status", job, "--wait", "--json").json
    assert (status["state"], status["attempt"]) == ("succeeded", 2), call("logs", job).out
    assert status["worker"] != first


def test_a_job_whose_task_somebody_cancels_in_dask_is_lost_and_its_driver_ends(
    call: Command, servers: Servers, job_flow: Path, tmp_path: Path
) -> None:
    words = ["-p", f"out={tmp_path}/a.parquet", "-p", f"started={tmp_path}/a", "-p", f"go={tmp_path}/go"]
    job = call("submit", f"{job_flow}:slow", "--engine", "pandas", "-q", *words).out.strip()
    until((tmp_path / "a").exists, "the job did not start")
    assert drivers_of(job)
    with distributed.Client(servers.address) as client:
        client.cancel([distributed.Future(f"gpupipe-job-{job}", client)], force=True)
    until(lambda: not drivers_of(job), "the driver outlived its task")
    status = call("status", job)
    assert status.code == 1 and "lost" in status.out and "Dask has forgotten its task" in status.out
    assert not (tmp_path / "a.parquet").exists()


def test_what_can_be_known_here_is_an_error_here(call: Command, in_process: Command, job_flow: Path, tmp_path: Path) -> None:
    wrong = call("submit", f"{job_flow}:wrong")
    assert wrong.code == 2 and "There is no column 'xx'" in wrong.err
    misspelled = call("submit", job_flow, "-p", "m=5")
    assert misspelled.code == 2 and "'m'" in misspelled.err
    (tmp_path / "rows.parquet").write_bytes(b"")
    engine = call("submit", job_flow, "--engine", "dsak")
    assert engine.code == 2 and "Did you mean 'dask'" in engine.err
    nowhere = in_process("submit", job_flow, "--engine", "cpu")
    assert nowhere.code == 2 and "export GPUPIPE_CLUSTER" in nowhere.err
    unknown = call("status", "flow-00000000")
    assert unknown.code == 2 and "has no job 'flow-00000000'" in unknown.err


def test_a_path_that_is_only_over_there_is_said_and_tried_over_there(call: Command, job_flow: Path) -> None:
    sent = call("submit", f"{job_flow}:reads", "-p", "data=/over/there/rows.parquet", "--engine", "cpu", "--json")
    assert sent.code == 0, sent.err
    assert "could not be checked here, and will be over there" in sent.err
    status = call("status", sent.json["job"], "--wait")
    assert status.code == 1 and "/over/there/rows.parquet" in status.out


def test_tls_all_the_way_from_the_command_to_the_drivers_client(
    in_process: Command, job_flow: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    certificates: Certificates = make_certificates(tmp_path / "authority")
    secure = Servers(tmp_path_factory.mktemp("tls"), certificates).start(1)
    try:
        place = ["--cluster", secure.address, *certificates.options]
        sent = in_process("submit", job_flow, "-p", "n=5", "-q", *place)
        assert sent.code == 0, sent.err
        ended = in_process("status", sent.out.strip(), "--wait", *place)
        assert ended.code == 0, ended.out + ended.err + in_process("logs", sent.out.strip(), *place).out
        other = make_certificates(tmp_path / "other")
        refused = in_process("list", "--cluster", secure.address, *other.options)
        assert refused.code == 1 and "cannot be reached" in refused.err
        half = in_process("list", "--cluster", secure.address, "--tls-cert", certificates.certificate)
        assert half.code == 2 and "--tls-ca-file and --tls-cert go together" in half.err
    finally:
        secure.stop()
