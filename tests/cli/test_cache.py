from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpupipe.checkpoints.store import DEFAULT_FOLDER, Entry, Store
from gpupipe.cli.cache import DEFAULT, age_of
from gpupipe.core.errors import UsageError

Command = Callable[..., Any]
FLOW = '''
"""A pipeline that fails as long as a file says so."""
import os
import narwhals.stable.v2 as nw
import polars as pl
import gpupipe as gp
from gpupipe.core.barrier import Barrier
from gpupipe.core.node import Value
from gpupipe.core.want import Want

class Fails(Barrier):
    kind = "value"
    gives = Value
    def wants(self, *schemas):
        return (Want(lambda _, frame: frame.select(nw.len()), "arrow"),)
    def conclude(self, engine, results, progress, planned=None):
        how = open("how").read() if os.path.exists("how") else ""
        if how == "fails":
            raise ValueError("it is Tuesday")
        if how == "interrupted":
            raise KeyboardInterrupt
        return results[0].num_rows

def pipeline(text: str = "a", rows: int = 3):
    table = gp.FromFrame(pl.DataFrame({"x": [float(i) for i in range(rows)]})).node()
    scaler = gp.Standardize("x").fit(table).named("scaler")
    last = Fails().wire((scaler(table),)).named("last")
    return gp.Pipeline("sometimes", scaler=scaler, last=last)
'''


@pytest.fixture
def sometimes(tmp_path: Path) -> Path:
    path = tmp_path / "some times.py"
    path.write_text(FLOW.replace("import gpupipe as gp\n", "import gpupipe as gp\nimport gpupipe.core.node\n"))
    return path


@pytest.mark.parametrize("how", ["fails", "interrupted"])
def test_a_run_that_does_not_end_well_prints_what_resumes_it(gpupipe: Command, sometimes: Path, tmp_path: Path, how: str) -> None:
    (tmp_path / "how").write_text(how)
    words = ["run", sometimes.name, "-p", "text=it's $HOME", "--checkpoints", "kept here", "--engine", "pandas", "--report", "rep"]
    failed = gpupipe(*words)
    assert failed.code == (1 if how == "fails" else 130)
    (line,) = [line for line in failed.err.splitlines() if "resume: " in line]
    command = shlex.split(line.partition("resume: ")[2])
    assert command == ["gpupipe", "run", "--resume", *words[1:]]
    assert json.loads((tmp_path / "rep" / "report.json").read_text())["error"]["resume"] == shlex.join(command)
    told = gpupipe(*words, "--json").json
    assert shlex.split(told["error"]["resume"]) == [*command, "--json"]
    assert told["checkpoints"]["taken"] == []
    (tmp_path / "how").unlink()
    ended = gpupipe(*command[1:], "--json")
    assert ended.code == 0, ended.err
    assert ended.json["checkpoints"]["resumed"]
    fates = {stage["label"]: number in ended.json["checkpoints"]["taken"] for number, stage in enumerate(ended.json["stages"])}
    assert fates["scaler"]
    assert not fates["last"]
    assert "resume: " not in ended.err
    assert "from checkpoint" in ended.err
    assert "Checkpoints in kept here: 2 results taken" in ended.err
    page = gpupipe(*command[1:])
    assert page.code == 0
    assert "from checkpoint" in (tmp_path / "rep" / "report.html").read_text()


def test_without_checkpoints_nothing_is_kept_or_said(gpupipe: Command, sometimes: Path, tmp_path: Path) -> None:
    (tmp_path / "how").write_text("fails")
    failed = gpupipe("run", sometimes.name, "--json")
    assert failed.code == 1
    assert "resume" not in failed.err
    assert "resume" not in failed.json["error"]
    assert "checkpoints" not in failed.json
    assert not (tmp_path / ".gpupipe").exists()
    wrong = gpupipe("run", sometimes.name, "-p", "rows=x", "--checkpoints", "kept")
    assert wrong.code == 2
    assert "resume" not in wrong.err, "the same command would fail again"


def test_resume_alone_uses_the_default_folder(gpupipe: Command, sometimes: Path, tmp_path: Path) -> None:
    assert DEFAULT == DEFAULT_FOLDER
    assert gpupipe("run", sometimes.name, "--resume", "-q").code == 0
    again = gpupipe("run", sometimes.name, "--resume", "--json")
    assert len(again.json["checkpoints"]["taken"]) == 2
    assert (tmp_path / DEFAULT).is_dir()
    assert "3 results" in gpupipe("cache", "list").out


def test_list_shows_what_is_kept(in_process: Command, tmp_path: Path) -> None:
    empty = in_process("cache", "list", "--checkpoints", "kept")
    assert (empty.code, "Nothing is kept in kept" in empty.out) == (0, True)
    assert not (tmp_path / "kept").exists()
    _fill(tmp_path / "kept")
    told = in_process("cache", "list", "--checkpoints", "kept")
    assert "2 results, 14 B, in kept" in told.out
    assert [line.split()[-2:] for line in told.out.splitlines()[1:3]] == [["new", "ab" * 6], ["old", "cd" * 6]]
    held = in_process("cache", "list", "--checkpoints", "kept", "--json").json
    assert held["bytes"] == 14
    assert [(entry["stage"], entry["kind"], entry["pipeline"], entry["bytes"]) for entry in held["entries"]] == [
        ("new", "table", "p", 7),
        ("old", "value", "q", 7),
    ]
    assert held["entries"][1]["age_seconds"] == pytest.approx(10 * 86400, rel=0.01)
    assert [
        entry["stage"] for entry in in_process("cache", "list", "--checkpoints", "kept", "--pipeline", "q", "--json").json["entries"]
    ] == ["old"]


def test_clear_removes_what_is_old_enough(in_process: Command, tmp_path: Path) -> None:
    store = _fill(tmp_path / "kept")
    tried = in_process("cache", "clear", "--checkpoints", "kept", "--dry-run")
    assert tried.out == "would remove 2 results, 14 B, in kept\n"
    assert len(list(store.entries())) == 2
    done = in_process("cache", "clear", "--checkpoints", "kept", "--older-than", "7d")
    assert done.out == "removed 1 result, 7 B, in kept\n"
    assert [entry.stage for entry in store.entries()] == ["new"]
    assert in_process("cache", "clear", "--checkpoints", "kept", "--pipeline", "q").out == "removed 0 results, 0 B, in kept\n"
    assert in_process("cache", "clear", "--checkpoints", "kept").out == "removed 1 result, 7 B, in kept\n"
    assert [path.name for path in (tmp_path / "kept").rglob("*") if path.is_file()] == ["gpupipe-checkpoints.json"]


def test_a_damaged_entry_is_listed_and_cleared(in_process: Command, tmp_path: Path) -> None:
    store = _fill(tmp_path / "kept")
    path = next((tmp_path / "kept" / "ab").rglob("entry.json"))
    path.write_text("{")
    os.utime(path, (time.time() - 60, time.time() - 60))
    entries = in_process("cache", "list", "--checkpoints", "kept", "--json").json["entries"]
    assert [(entry["kind"], entry.get("reason")) for entry in entries] == [("damaged", "it is no JSON"), ("value", None)]
    assert "removed 2 results" in in_process("cache", "clear", "--checkpoints", "kept").out
    assert list(store.entries()) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "it is of another format"),
        ({"address": "cd"}, "its address cannot be so"),
        ({"files": {"../../x": [1, "0" * 64]}}, "its files cannot be so"),
        ({"files": {"x": 1}}, "its fields are wrong"),
        ({"more": 1}, "its fields are wrong"),
        ({"facts": [], "kind": "pickle"}, "its kind and facts cannot be so"),
    ],
)
def test_a_damaged_entry_says_what_is_wrong_with_it(change: dict[str, Any], reason: str, in_process: Command, tmp_path: Path) -> None:
    _fill(tmp_path / "kept")
    path = next((tmp_path / "kept" / "ab").rglob("entry.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    entries = in_process("cache", "list", "--checkpoints", "kept", "--json").json["entries"]
    assert [entry["reason"] for entry in entries if entry["kind"] == "damaged"] == [reason]
    assert reason in " ".join(in_process("cache", "list", "--checkpoints", "kept").out.split())


def test_an_entry_behind_a_link_or_unreadable_says_so(in_process: Command, tmp_path: Path) -> None:
    _fill(tmp_path / "kept")
    path = next((tmp_path / "kept" / "ab").rglob("entry.json"))
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    assert "it is a link" in " ".join(in_process("cache", "list", "--checkpoints", "kept").out.split())
    path.unlink()
    path.mkdir()
    assert "it is no file" in " ".join(in_process("cache", "list", "--checkpoints", "kept").out.split())


def test_a_folder_of_something_else_is_left_alone(in_process: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "data.csv").write_text("a\n")
    for command in ("list", "clear"):
        refused = in_process("cache", command, "--checkpoints", "mine")
        assert refused.code == 2
        assert "holds something else" in refused.err
    assert (tmp_path / "mine" / "data.csv").exists()
    wrong = in_process("cache", "clear", "--older-than", "a week")
    assert wrong.code == 2
    assert "such as 7d or 12h, got 'a week'" in " ".join(wrong.err.split())
    with pytest.raises(UsageError):
        age_of("-1d")


def test_help_says_what_to_type(in_process: Command) -> None:
    for words in (("cache",), ("cache", "list"), ("cache", "clear"), ("run",)):
        told = " ".join(in_process(*words, "--help").out.split())
        assert "Example: gpupipe" in told
    assert "--resume" in told


def _fill(folder: Path) -> Store:
    """Return a store of two entries, one of them ten days old."""
    store = Store(str(folder), create=True)
    new = Entry("ab" * 20, "table", "p", "new", time.time(), store.new_folder("ab" * 20))
    old = replace(new, address="cd" * 20, kind="value", pipeline="q", stage="old", created_seconds=time.time() - 10 * 86400)
    for entry in (new, replace(old, folder=store.new_folder(old.address))):
        store.put(entry.folder, "rows", b"content")
        store.commit(entry)
    return store
