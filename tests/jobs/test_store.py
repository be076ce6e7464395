from __future__ import annotations

from pathlib import Path

import pytest

from gpupipe.jobs import store as limits
from gpupipe.jobs.record import Job
from gpupipe.jobs.store import JobStore


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    folder = tmp_path / "archives"
    folder.mkdir()
    made = JobStore(folder)
    made.submit(Job("a", "flow.py", "cpu").as_json(), b"files")
    return made


def state(store: JobStore, job: str = "a") -> str:
    return str((store.get(job) or {}).get("state"))


def test_a_job_goes_from_queued_to_its_end(store: JobStore) -> None:
    assert state(store) == "queued"
    given = store.begin("a", "tcp://w:1")
    assert given is not None and given["bundle"] == b"files"
    assert given["job"]["attempt"] == 1
    assert store.report("a", 1, ["one", "two"]) is None
    assert store.receive("a", 1, b"ab", first=True)
    assert store.receive("a", 1, b"cd", first=False)
    store.end("a", 1, "succeeded", 0, "")
    assert store.read("a", 0) == b"abcd"
    assert store.read("a", 3) == b"d"
    ended = Job.of_json(store.get("a") or {})
    assert (ended.state, ended.exit_code, ended.archive_bytes, ended.ended) == ("succeeded", 0, 4, True)
    assert store.begin("a", "tcp://w:2") is None
    store.task_ended("a", "forgotten")
    assert state(store) == "succeeded"
    assert [one["id"] for one in store.listed()] == ["a"]


def test_lines_are_given_from_a_number_on_and_the_last_ones_are_kept(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINES", 5)
    store.submit(Job("b", "flow.py", "cpu").as_json(), b"")
    store.begin("b", "tcp://w:1")
    store.report("b", 1, [f"line {number}" for number in range(7)])
    told = store.lines("b", 0) or {}
    assert (told["first"], told["lines"]) == (3, ["line 2", "line 3", "line 4", "line 5", "line 6"])
    assert (store.lines("b", 7) or {})["lines"] == ["line 6"]
    assert (store.lines("b", 8) or {})["lines"] == []
    store.report("b", 1, ["x" * 5000])
    assert (store.lines("b", 8) or {})["lines"] == ["x" * 1000 + "… (5000 characters)"]
    assert store.lines("c", 0) is None


def test_what_an_earlier_attempt_says_is_not_entered(store: JobStore) -> None:
    store.begin("a", "tcp://w:1")
    store.task_left("a", "tcp://w:1")
    assert state(store) == "queued"
    store.begin("a", "tcp://w:2")
    assert store.report("a", 1, ["late"]) == "superseded"
    assert not store.receive("a", 1, b"late", first=True)
    store.end("a", 1, "failed", 1, "late")
    assert state(store) == "running"
    assert not any("late" in line for line in (store.lines("a", 0) or {})["lines"])


def test_cancelling_ends_a_queued_job_at_once_and_tells_a_running_one(store: JobStore) -> None:
    store.submit(Job("b", "flow.py", "cpu").as_json(), b"")
    store.cancel("b")
    assert state(store, "b") == "cancelled"
    assert store.begin("b", "tcp://w:1") is None
    store.begin("a", "tcp://w:1")
    store.cancel("a")
    assert state(store) == "running"
    assert store.report("a", 1, []) == "cancelled"
    store.task_left("a", "tcp://w:1")  # the worker is gone before it could end the job
    assert store.begin("a", "tcp://w:2") is None
    assert state(store) == "cancelled"
    assert store.cancel("c") is None


def test_a_job_whose_task_is_gone_is_lost(store: JobStore) -> None:
    store.begin("a", "tcp://w:1")
    store.task_ended("a", "KilledWorker")
    lost = Job.of_json(store.get("a") or {})
    assert (lost.state, lost.message) == ("lost", "KilledWorker")
    assert (store.lines("a", 0) or {})["lines"][-1] == "gpupipe: KilledWorker"


def test_the_oldest_that_have_ended_are_forgotten(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_JOBS", 3)
    for name in "bcd":
        store.begin(chr(ord(name) - 1), "tcp://w:1") if name != "b" else None  # "a" stays queued
        store.end(chr(ord(name) - 1), 1, "succeeded", 0, "")
        store.submit(Job(name, "flow.py", "cpu").as_json(), b"")
    assert [one["id"] for one in store.listed()] == ["a", "c", "d"]


def test_archives_are_bounded_one_by_one_and_together(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ARCHIVE_BYTES", 6)
    monkeypatch.setattr(limits, "ARCHIVES_BYTES", 10)
    for name in "abc":
        store.submit(Job(name, "flow.py", "cpu").as_json(), b"")
        store.begin(name, "tcp://w:1")
        assert store.receive(name, 1, b"12345", first=True)
        if name == "b":
            assert not store.receive(name, 1, b"678", first=False)
            assert store.receive(name, 1, b"12345", first=True)
        store.end(name, 1, "succeeded", 0, "")
    assert {one["id"]: one["archive_bytes"] for one in store.listed()} == {"a": 0, "b": 5, "c": 5}
    store.close()
    assert not store.folder.exists()


def test_only_the_worker_is_told_what_is_secret(store: JobStore) -> None:
    words = ("-p", "password=zq7k1", "-p", "mine=zq7k2", "-p", "url=ftp://u:zq7k3@h", "-p", "n=1")
    store.submit(Job("s", "flow.py", "cpu", words, checkpoints="s3://k:zq7k4@b", secret=("mine",)).as_json(), b"")
    given = store.begin("s", "tcp://w:1")
    assert given is not None and tuple(given["job"]["words"]) == words
    store.end("s", 1, "failed", 1, "cannot open ftp://u:zq7k5@h")
    told = repr([store.get("s"), store.listed(), store.lines("s", 0), store.cancel("s")])
    assert "zq7k" not in told
    assert "n=1" in told and "password=***" in told and "mine=***" in told
