from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpupipe.core.errors import SinkError
from gpupipe.core.whole_files import make_folder, write_whole

Command = Callable[..., Any]


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \udcff")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_a_folder_is_made_with_its_parents_and_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    assert not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="Expected a folder that can be written to, got .*file"):
        make_folder(tmp_path / "file")


def test_no_link_is_followed_no_device_replaced_and_the_rights_stay(tmp_path: Path) -> None:
    victim, page = tmp_path / "victim", tmp_path / "report.html"
    victim.write_text("mine")
    (tmp_path / f".report.html.tmp-{os.getpid()}").symlink_to(victim)
    page.touch(mode=0o600)
    write_whole(page, "new")
    assert victim.read_text() == "mine" and page.read_text() == "new" and page.stat().st_mode & 0o777 == 0o600
    page.unlink()
    page.symlink_to(victim)
    write_whole(page, "newer")
    assert victim.read_text() == "mine" and page.read_text() == "newer"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    for name, kind in (("pipe", "a FIFO"), ("null", "a device")):
        with pytest.raises(SinkError, match=f"Expected a file or nothing at .*{name}', got {kind}"):
            write_whole(tmp_path / name, "new")
    assert sorted(one.name for one in tmp_path.iterdir()) == [f".report.html.tmp-{os.getpid()}", "null", "pipe", "report.html", "victim"]
