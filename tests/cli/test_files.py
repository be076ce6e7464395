from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpupipe.cli.files import make_folder, write_whole
from gpupipe.core.errors import SinkError

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
