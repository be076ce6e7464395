"""Work folders: where something is made, beside its place, until all of it is there.

::

    .scores.tmp-k3v9a1xz/      random, made by one step that fails where the name is there, and entered by its owner alone
      lock                     locked by the process at work, as long as it lives; says on which boot of which machine that is
      new                      what is made
      old                      what it took the place of, until that is removed

A process that is killed leaves its folder. The next one that works on the same place removes it, once nobody holds the lock (`flock`
leaves none behind, however a process ends), and puts the old output back where the process ended between taking that away and
putting the new one there. A lock that another machine took is not seen on every network file system, so such a folder must also be a
day old.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path

_LOCK, _GONE = "lock", "-gone"
_FOREIGN_SECONDS = 24 * 3600


class WorkFolder:
    """A folder that only its owner enters, gone with all that is in it when it is closed.

    Parameters
    ----------
    parent
        The folder that it is made in.
    prefix
        What its name begins with. Folders of that name whose processes are gone are removed first.
    place
        What is to be replaced, where there is such a thing; its old content comes back from a process that was killed.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder, "told.txt")
    ...     with WorkFolder.beside(place) as work:
    ...         _ = work.new.write_text("all of it")
    ...         work.put()
    ...     place.read_text(), os.listdir(folder)
    ('all of it', ['told.txt'])
    """

    def __init__(self, parent: str | os.PathLike[str], prefix: str, place: Path | None = None) -> None:
        sweep(Path(parent), prefix, place)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self.place = place
        self.close = weakref.finalize(self, _close, self.path, _locked(self.path))

    @classmethod
    def beside(cls, place: Path) -> WorkFolder:
        """Return a work folder beside what is to be replaced."""
        return cls(place.parent, f".{place.name}.tmp-", place)

    def __enter__(self) -> WorkFolder:
        """Return the folder."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Remove it."""
        self.close()

    @property
    def new(self) -> Path:
        """Where the new content is made: a file or a folder."""
        return self.path / "new"

    def put(self, refuse: Callable[[Path], None] | None = None) -> None:
        """Put the new content into its place, with the mode of the old one; a file in one step.

        Parameters
        ----------
        refuse
            Raises for an old folder that must stay; called when nobody can put more into it under its name.
        """
        assert self.place is not None
        if self.new.is_dir() and os.path.lexists(self.place):
            old = self.path / "old"
            self.place.rename(old)
            try:
                if refuse is not None:
                    refuse(old)
                _keep_modes(old, self.new)
                self.new.rename(self.place)
            except BaseException:
                old.rename(self.place)
                raise
            return
        if self.place.is_file():
            self.new.chmod(stat.S_IMODE(self.place.stat().st_mode))
        self.new.replace(self.place)


def special_kind(path: str | os.PathLike[str]) -> str | None:
    """Return what is at a path that is neither a file nor a folder, in words; None for all else, and for nothing.

    Examples
    --------
    >>> special_kind("/dev/null"), special_kind("/"), special_kind("/nothing here")
    ('a device', None, None)
    """
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return None
    kinds = ((stat.S_ISFIFO, "a FIFO"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"), (stat.S_ISSOCK, "a socket"))
    return next((kind for is_kind, kind in kinds if is_kind(mode)), None)


def _keep_modes(old: Path, new: Path) -> None:
    """Give a new folder, and what is in it, no more rights than the old folder and what is in it have."""
    modes = {True: 0o7777, False: 0o7777}
    for folder, folders, names in os.walk(old):
        for name in (*folders, *names):
            found = Path(folder, name).lstat().st_mode
            if not stat.S_ISLNK(found):
                modes[stat.S_ISDIR(found)] &= found
    for folder, folders, names in os.walk(new):
        for name in (*folders, *names):
            path = Path(folder, name)
            path.chmod(stat.S_IMODE(path.stat().st_mode) & modes[name in folders])
    new.chmod(stat.S_IMODE(old.stat().st_mode))


def _locked(folder: Path) -> int:
    """Return the open lock of a new folder, which bears its name only once it is locked."""
    made = folder / f"{_LOCK}-new"
    descriptor = os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(OSError):  # a file system without locks: the folder is then left to be removed by hand
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, _boot().encode())
        made.rename(folder / _LOCK)
    return descriptor


def _boot() -> str:
    """Return what tells this boot of this machine from every other one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return os.uname().nodename


def _close(folder: Path, lock: int) -> None:
    """Remove a work folder; under another name first, so that nobody puts more into it meanwhile."""
    aside = Path(f"{folder}{_GONE}")
    try:
        folder.rename(aside)
    except OSError:
        aside = folder
    shutil.rmtree(aside, ignore_errors=True)  # what is left is swept when this process is gone
    os.close(lock)


def sweep(parent: Path, prefix: str, place: Path | None = None) -> None:
    """Remove the work folders of processes that are gone; see `WorkFolder`."""
    name = re.compile(rf"{re.escape(prefix)}\w{{8}}({_GONE})?")
    with contextlib.suppress(OSError), os.scandir(parent) as entries:  # what cannot be looked at, or removed, stays
        for found in entries:
            if name.fullmatch(found.name) and found.is_dir(follow_symlinks=False):
                _sweep_one(Path(found.path), place)


def _sweep_one(folder: Path, place: Path | None) -> None:
    """Remove one work folder if it is ours, and its process is gone."""
    if folder.stat().st_uid != os.geteuid():
        return
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no work folder, or somebody else is removing it
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_here = os.read(lock, 100).decode(errors="replace") == _boot()
        if not is_here and time.time() - os.fstat(lock).st_mtime < _FOREIGN_SECONDS:
            return
        if place is not None and (folder / "old").exists() and not os.path.lexists(place):
            (folder / "old").rename(place)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:  # it is at work
        return
    finally:
        os.close(lock)
