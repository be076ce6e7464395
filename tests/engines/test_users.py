from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpupipe.engines import _users
from gpupipe.engines._users import is_users_file


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder of ``pip install --target``, among those that Python looks in."""
    info = tmp_path / "yam-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("yam/__init__.py,sha256=x,1\nyam-1.0.dist-info/RECORD,,\n../../bin/yam,,\nyamfile.py,,\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    _users._installed_elsewhere.cache_clear()
    is_users_file.cache_clear()
    yield tmp_path
    _users._installed_elsewhere.cache_clear()
    is_users_file.cache_clear()


def test_packages_in_a_target_folder_are_installed_and_files_beside_them_are_the_users(target: Path) -> None:
    installed = [is_users_file(str(target / name)) for name in ("yam/__init__.py", "yam/deep/er.py", "yamfile.py")]
    assert installed == [False, False, False]
    assert is_users_file(str(target / "flow.py")) and is_users_file(str(target / "yam_mine.py"))
