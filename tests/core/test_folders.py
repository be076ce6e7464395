"""What lies below a folder, whatever links lead where, and what is no plain file."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gpupipe.core.errors import SourceError
from gpupipe.core.files import check_there, find_files


def found(path: str | Path, root: Path) -> list[str]:
    return [os.path.relpath(file.path, root) for file in find_files(path, (".csv",), "files")]


def test_links_that_lead_back_are_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("t/a/x.csv", "t/b/y.csv", "t/.v2/z.csv", "out/o.csv", "out/k/p.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    root, out = tmp_path / "t", tmp_path / "out"
    for link, target in {
        root / "a/loop": root,  # back to the root, to itself, to and fro, and up above the root
        root / "a/self": root / "a",
        root / "a/other": root / "b",
        root / "b/other": root / "a",
        root / "up": tmp_path,
        root / "dangling": tmp_path / "nowhere",
        out / "there": out / "k",
        out / "k/back": out,
    }.items():
        link.symlink_to(target)
    (root / "now").symlink_to(root / ".v2")  # behind such a link data lies: under a hidden name, or elsewhere
    for link in ("l=1", "l=2"):
        (root / link).symlink_to(out)
    inside = ["a/x.csv", "b/y.csv", "now/z.csv"]
    elsewhere = [f"{link}/{name}" for link in ("l=1", "l=2", "up/out") for name in ("k/p.csv", "o.csv")]
    expected = sorted([*inside, *elsewhere, "l=1/there/p.csv", "l=2/there/p.csv", "up/out/there/p.csv"])
    assert found(root, root) == expected
    assert found(f"{root}/**/*.csv", root) == expected
    (root / "dangling").unlink()
    assert found(f"{root}/*", root) == expected
    monkeypatch.chdir(root)
    assert sorted({*found(".", root), *found("**/*.csv", root)}) == expected


def test_a_partition_folder_may_link_to_another(tmp_path: Path) -> None:
    (tmp_path / "day=1").mkdir()
    (tmp_path / "day=1/a.csv").touch()
    (tmp_path / "day=2").symlink_to("day=1")
    for path in (tmp_path, f"{tmp_path}/**/*.csv", f"{tmp_path}/*/*.csv"):
        assert found(path, tmp_path) == ["day=1/a.csv", "day=2/a.csv"]


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.csv"))
    (tmp_path / "link.csv").symlink_to("/dev/zero")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nothing")
    (tmp_path / "round.csv").symlink_to("x.csv")
    for name, kind in {
        "fifo": "a FIFO, which may never end. Write its rows into a file first",
        "socket": "a socket, which",
        "link": "a device, which",
        "gone": "No such file or directory. Check the path, and where it links to",
        "round": "Too many levels of symbolic links",
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        (tmp_path / f"{name}.csv").rename(folder / "x.csv")
        ways = [str(folder), f"{folder}/*.csv", *([str(folder / "x.csv")] if name not in ("gone", "round") else [])]
        for way in ways:
            with pytest.raises(SourceError, match=rf"^Expected files at '{folder}/x\.csv', got {kind}"):
                find_files(way, (".csv",), "files")
    with pytest.raises(SourceError, match="^Expected a database at '/dev/zero', got a device"):
        check_there("/dev/zero", "a database")
