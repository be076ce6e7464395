"""Work folders: gone however they are left, never another's, and never followed to elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gpupipe.core.work import WorkFolder, special_kind

ROOT = Path(__file__).resolve().parents[2]
LEFT = "import os, sys\nfrom pathlib import Path\nfrom gpupipe.core.work import WorkFolder\nwork = WorkFolder.beside(Path(sys.argv[1]))\n"


def killed(place: Path, program: str) -> None:
    """Run a program that ends without any cleaning up."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", f"{LEFT}{program}\nos._exit(9)", str(place)], env=environment, check=False, timeout=300)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_process_killed_between_two_renames_has_its_old_output_put_back(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir()
    (place / "rows").write_text("old")
    killed(place, "work.new.mkdir()\nwork.place.rename(work.path / 'old')")
    assert not place.exists() and len(names(tmp_path)) == 1
    WorkFolder.beside(place).close()
    assert (place / "rows").read_text() == "old" and names(tmp_path) == ["out"]


def test_only_folders_of_the_same_place_whose_process_is_gone_are_swept(tmp_path: Path) -> None:
    other, mine, elsewhere = tmp_path / "out.tmp-b", tmp_path / "out", tmp_path / "mine"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    killed(other, "(work.path / 'old').mkdir()")  # its name begins as those of `out` do
    (tmp_path / ".out.tmp-abcdefgh").mkdir()  # the user's own
    (tmp_path / ".out.tmp-abcdefgi").symlink_to(elsewhere)
    killed(mine, "os.symlink(sys.argv[1][:-3] + 'mine', work.path / 'link')")
    (elsewhere / "lock").touch()
    before = names(tmp_path)
    with WorkFolder.beside(mine) as live:
        WorkFolder.beside(mine).close()
        assert live.path.is_dir()
    assert len(set(before) - set(names(tmp_path))) == 1
    assert not mine.exists() and names(elsewhere) == ["kept", "lock"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder to somebody else")
def test_somebody_elses_folder_is_left_to_them(tmp_path: Path) -> None:
    place = tmp_path / "out"
    killed(place, "os.chown(work.path, 12345, 12345)")
    WorkFolder.beside(place).close()
    assert len(names(tmp_path)) == 1


def test_a_lock_of_another_machine_is_believed_for_a_day(tmp_path: Path) -> None:
    place = tmp_path / "out"
    killed(place, "(work.path / 'lock').write_text('another boot')")
    WorkFolder.beside(place).close()
    (left,) = tmp_path.iterdir()
    os.utime(left / "lock", (0, 0))
    WorkFolder.beside(place).close()
    assert not names(tmp_path)


def test_a_new_folder_is_the_owners_alone_and_what_replaces_has_the_rights_of_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "secret.csv"
    place.touch(mode=0o600)
    with WorkFolder.beside(place) as work:
        assert work.path.stat().st_mode & 0o777 == 0o700
        work.new.touch(mode=0o644)
        work.put()
    assert place.stat().st_mode & 0o777 == 0o600
    folder = tmp_path / "out"
    (folder / "k=1").mkdir(parents=True)
    (folder / "k=1" / "a").touch(mode=0o640)
    folder.chmod(0o750)
    (folder / "k=1").chmod(0o700)
    with WorkFolder.beside(folder) as work:
        shutil.copytree(folder, work.new)
        for path in (work.new, work.new / "k=1", work.new / "k=1" / "a"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        work.put()
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / "k=1", folder / "k=1" / "a")] == [0o750, 0o700, 0o640]


def test_an_old_folder_that_must_stay_is_back_in_its_place(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.mkdir()
    (place / "mine").touch()

    def refuse(old: Path) -> None:
        assert names(old) == ["mine"] and not place.exists()
        raise ValueError

    with WorkFolder.beside(place) as work:
        work.new.mkdir()
        with pytest.raises(ValueError):
            work.put(refuse)
    assert names(place) == ["mine"] and names(tmp_path) == ["out"]


def test_what_is_neither_file_nor_folder_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    assert [special_kind(tmp_path / name) for name in ("pipe", "link", "none", ".")] == ["a FIFO", "a FIFO", None, None]
    assert special_kind("/dev/zero") == "a device"
