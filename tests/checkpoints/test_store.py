"""The store: whole entries or none, on local and other file systems, with several writers at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import gpupipe as gp
from gpupipe.checkpoints.store import DamagedError, Entry, Store
from gpupipe.core.errors import SinkError, UsageError

DAY = 24 * 3600


@pytest.fixture(params=["plain", "file://", "memory://"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return an empty store on each kind of file system."""
    folder = {"plain": str(tmp_path / "kept"), "file://": f"file://{tmp_path}/kept", "memory://": f"memory://{tmp_path.name}/kept"}
    return Store(folder[request.param], create=True)


def _write(store: Store, address: str, content: bytes, **more: Any) -> Entry:
    """Return the entry of one file."""
    folder = store.new_folder(address)
    store.put(folder, "rows/part-0", content)
    return store.commit(Entry(address, "table", "p", "Filter", time.time(), folder, **more))


def test_an_entry_is_found_with_its_files_and_facts(store: Store) -> None:
    assert store.find("ab12") is None
    entry = _write(store, "ab12", b"rows", facts={"rows": 4})
    found = store.find("ab12")
    assert found is not None
    assert (found.kind, found.pipeline, found.stage, found.facts, found.n_bytes) == (
        "table",
        "p",
        "Filter",
        {"rows": 4},
        4 + len('{"rows": 4}'),
    )
    assert found.folder == entry.folder
    assert store.fs.cat_file(f"{store.folder(found)}/rows/part-0") == b"rows"
    assert [one.address for one in store.entries()] == ["ab12"]
    assert Store(store.shown).find("ab12") is not None


def test_files_without_an_entry_are_nobodys(store: Store) -> None:
    folder = store.new_folder("ab12")
    store.put(folder, "rows", b"half")
    assert store.find("ab12") is None
    assert list(store.entries()) == []
    assert store.clear_remains() == 0, "a run may be writing them"
    assert store.clear_remains(older_than_seconds=0) == 1
    assert not store.fs.exists(folder)


@pytest.mark.parametrize("harm", ["other", "shorter", "gone", "entry", "empty", "address", "format"])
def test_damage_is_found(store: Store, harm: str) -> None:
    entry = _write(store, "ab12", b"rows")
    file = f"{store.folder(entry)}/rows/part-0"
    described = f"{store.root}/ab/ab12/entry.json"
    told = json.loads(store.fs.cat_file(described))
    changes = {
        "other": (file, b"row5"),
        "shorter": (file, b"row"),
        "entry": (described, json.dumps(told).encode()[:-20]),
        "empty": (described, b""),
        "address": (described, json.dumps({**told, "address": "ab13"}).encode()),
        "format": (described, json.dumps({**told, "format": 99}).encode()),
    }
    if harm == "gone":
        store.fs.rm(file)
    else:
        store.fs.pipe_file(*changes[harm])
    with pytest.raises(DamagedError):
        store.find("ab12")
    kinds = [one.kind for one in store.entries()]
    assert kinds == (["damaged"] if harm in ("entry", "empty", "format", "address") else ["table"])
    _write(store, "ab12", b"rows")
    found = store.find("ab12")
    assert found is not None, "what is written anew takes the damaged one's place"


def test_what_is_written_again_takes_the_place_and_the_same_leaves_it(store: Store) -> None:
    first = _write(store, "ab12", b"rows")
    _write(store, "ab12", b"rows")
    found = store.find("ab12")
    assert found is not None
    assert found.folder == first.folder, "the same rows are not put there twice"
    assert len(store.fs.ls(f"{store.root}/ab/ab12")) == 2
    second = _write(store, "ab12", b"more")
    found = store.find("ab12")
    assert found is not None
    assert found.folder == second.folder
    assert store.fs.exists(store.folder(first)), "somebody may be reading it"


def test_old_remains_are_swept_when_an_entry_is_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 2 * DAY)
    first = _write(store, "ab12", b"rows")
    monkeypatch.setattr(time, "time", lambda: now)
    _write(store, "ab12", b"more")
    assert not store.fs.exists(store.folder(first))


def test_entries_are_removed_with_their_files_and_nothing_else(store: Store) -> None:
    one, other = _write(store, "ab12", b"rows"), _write(store, "ab34", b"rows")
    unfinished = store.new_folder("ab12")
    store.put(unfinished, "rows", b"half")
    store.remove(one)
    store.remove(one)
    assert store.find("ab12") is None
    assert store.fs.exists(f"{unfinished}/rows"), "another run is at work on the same address"
    assert not store.fs.exists(store.folder(one))
    assert [entry.address for entry in store.entries()] == [other.address]
    damaged = replace(_write(store, "cd56", b""), kind="damaged", folder="")
    store.remove(damaged)
    assert store.find("cd56") is None


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    for create in (True, False):
        with pytest.raises(UsageError, match="holds something else"):
            Store(str(tmp_path), create=create)
    with pytest.raises(UsageError, match="holds something else"):
        Store(str(tmp_path / "mine.txt"), create=True)
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "gpupipe-checkpoints.json.tmp-0011").touch()
    assert Store(str(tmp_path / "killed"), create=True).find("ab12") is None, "a run was killed as it made the folder"
    assert list(Store(str(tmp_path / "nothing")).entries()) == []
    assert not (tmp_path / "nothing").exists(), "looking makes nothing"
    with pytest.raises(SinkError, match="can be used"):
        Store(str(tmp_path / "mine.txt" / "below"), create=True)


WRITER = """
import sys, time
from gpupipe.checkpoints.store import Entry, Store
store = Store(sys.argv[1], create=True)
while time.time() < float(sys.argv[2]):  # all begin at the same moment
    pass
for number in range(int(sys.argv[3])):
    folder = store.new_folder("ab12")
    for part in range(3):
        store.put(folder, f"rows/part-{part}", f"{sys.argv[4]} {number} {part}".encode() * 1000)
    store.commit(Entry("ab12", "table", "p", "Filter", time.time(), folder, facts={"by": [sys.argv[4], number]}))
    found = store.find("ab12")  # raises where an entry speaks of files that are not its own
    name, value = found.facts["by"]
    assert store.fs.cat_file(f"{store.folder(found)}/rows/part-2") == f"{name} {value} 2".encode() * 1000
"""


def test_several_processes_write_one_address_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    environment = {"PYTHONPATH": str(Path(gp.__file__).parents[1]), "PATH": ""}
    start = time.time() + 2.5
    command = [sys.executable, "-c", WRITER, str(folder), str(start), "30"]
    running = [subprocess.Popen([*command, name], env=environment, stderr=subprocess.PIPE, text=True) for name in ("one", "two", "three")]
    errors = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    found = Store(str(folder)).find("ab12")
    assert found is not None
    assert found.facts["by"][1] == 29


# Stores that somebody has poisoned.

OUTSIDE = "../../../outside"


@pytest.mark.parametrize(
    "more",
    [
        {"files": {OUTSIDE: [4, "0" * 64]}},
        {"files": {"/etc/passwd": [4, "0" * 64]}},
        {"files": {"rows/../../x": [4, "0" * 64]}},
        {"files": {"": [4, "0" * 64]}},
        {"files": {"rows": {}}},
        {"files": {"rows": [4, {}]}},
        {"files": {"rows": [-1, "0" * 64]}},
        {"files": {"rows": [True, "0" * 64]}},
        {"files": []},
        {"folder": OUTSIDE},
        {"folder": ""},
        {"folder": "."},
        {"folder": "/tmp"},
        {"folder": 3},
        {"folder": None},
        {"address": OUTSIDE},
        {"address": ["ab12"]},
        {"kind": "damaged"},
        {"kind": 3},
        {"pipeline": None},
        {"stage": {}},
        {"created_seconds": "now"},
        {"created_seconds": float("nan")},
        {"created_seconds": 1e308},
        {"created_seconds": -1},
        {"created_seconds": None},
        {"facts": []},
        {"more": 1},
        {"format": True},
        {"format": "1"},
    ],
    ids=str,
)
def test_an_entry_is_believed_no_further_than_its_folder(store: Store, more: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("keep me")
    _write(store, "ab12", b"rows")
    other = _write(store, "ab34", b"rows")
    described = f"{store.root}/ab/ab12/entry.json"
    store.fs.pipe_file(described, json.dumps({**json.loads(store.fs.cat_file(described)), **more}).encode())
    with pytest.raises(DamagedError):
        store.find("ab12")
    assert [one.kind for one in store.entries()] == ["damaged", "table"], "the others are still listed"
    for entry in store.entries():
        store.remove(entry)
    store.clear_remains(older_than_seconds=0)
    assert (tmp_path / "outside" / "precious").read_text() == "keep me"
    assert not store.fs.exists(store.folder(other))


@pytest.mark.parametrize("content", [b"[" * 100_000, b"null", b"[]", b"3", b"\xff", b'{"format": NaN}', b"1" * 5000])
def test_an_entry_of_another_form_is_damaged(store: Store, content: bytes) -> None:
    _write(store, "ab12", b"rows")
    store.fs.pipe_file(f"{store.root}/ab/ab12/entry.json", content)
    assert [one.kind for one in store.entries()] == ["damaged"]
    with pytest.raises(DamagedError):
        store.find("ab12")


def test_links_in_a_store_are_not_followed(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "kept"), create=True)
    precious = tmp_path / "outside" / "ab56" / "66f0a1b2-0123456789ab"
    precious.mkdir(parents=True)
    (precious / "file").write_text("keep me")
    entry = _write(store, "ab12", b"rows")
    (tmp_path / "kept" / "ab" / "ab56").symlink_to(precious.parent)
    told = json.loads((tmp_path / "kept" / "ab" / "ab12" / "entry.json").read_text())
    (precious.parent / "entry.json").write_text(json.dumps({**told, "address": "ab56", "folder": precious.name, "files": {}}))
    (tmp_path / "kept" / "ab" / "ab12" / "66f0a1b2-ba9876543210").symlink_to(precious)
    rows = Path(store.folder(entry), "rows", "part-0")
    rows.rename(tmp_path / "elsewhere")
    rows.symlink_to(tmp_path / "elsewhere")
    for address in ("ab12", "ab56"):
        with pytest.raises(DamagedError):
            store.find(address)
    assert [one.kind for one in store.entries()] == ["table", "damaged"]
    for one in store.entries():
        store.remove(one)
    store.clear_remains(older_than_seconds=0)
    assert (precious / "file").read_text() == "keep me"
    assert (precious.parent / "entry.json").exists()
    assert (tmp_path / "elsewhere").read_bytes() == b"rows"


@pytest.mark.parametrize("name", ["entry.json", "rows"])
@pytest.mark.parametrize("what", ["fifo", "device", "huge"])
def test_nothing_that_never_ends_is_read(what: str, name: str, tmp_path: Path) -> None:
    """A pipe that nobody writes to hung `gpupipe cache list` and resuming; a file of holes as large as the disk took as long to read."""
    store = Store(str(tmp_path / "kept"), create=True)
    made = store.new_folder("3f9a")
    store.put(made, "rows", b"123")
    store.commit(Entry("3f9a", "table", "p", "Filter", 0.0, made))
    path = next((tmp_path / "kept").rglob(name))
    path.unlink()
    if what == "fifo":
        os.mkfifo(path)
    elif what == "device":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as stream:
            stream.truncate(1 << 40)
    code = """if True:
        import sys
        from gpupipe.checkpoints.store import DamagedError, Store
        store = Store(sys.argv[1])
        kinds = [entry.kind for entry in store.entries()]
        try:
            store.find("3f9a")
        except DamagedError as error:
            print(kinds, error)
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "kept")], capture_output=True, text=True, timeout=300, check=True)
    assert ("damaged" in done.stdout) == (name == "entry.json"), done.stdout
    assert "3f9a" in done.stdout


def test_a_file_that_is_not_listed_makes_an_entry_damaged(store: Store) -> None:
    entry = _write(store, "ab12", b"rows")
    store.put(store.folder(entry), "rows/part-1", b"more rows")
    with pytest.raises(DamagedError, match="other files than were written"):
        store.find("ab12")
