"""The user's own code: which files it stands in, and which of its lines an error came through."""

from __future__ import annotations

import linecache
import sys
import sysconfig
import traceback
from functools import lru_cache
from pathlib import Path

_PACKAGE = str(Path(__file__).resolve().parents[1])
_INSTALLED = tuple({str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")} | {_PACKAGE})


def user_lines(error: BaseException) -> list[str]:
    """Return the lines of the user's own files that an error and its causes came through."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        for frame in traceback.extract_tb(seen.__traceback__):
            if is_users_file(frame.filename):
                code = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
                lines.append(f'File "{frame.filename}", line {frame.lineno}, in {frame.name}: {code}'.rstrip(": "))
        seen = seen.__cause__ or seen.__context__
    return list(dict.fromkeys(lines))


@lru_cache(maxsize=8192)
def is_users_file(file: str) -> bool:
    """Whether a file is the user's own: neither gpupipe's nor installed.

    Examples
    --------
    >>> is_users_file(__file__), is_users_file("/flows/mine.py"), is_users_file("<string>")
    (False, True, False)
    """
    if not file.endswith((".py", ".pyc")):
        return False
    given = Path(file)
    path = str(given.resolve() if given.is_symlink() else _folder(given.parent) / given.name)
    return not path.startswith((*_INSTALLED, *_installed_elsewhere(), str(Path(sys.base_prefix, "lib"))))


@lru_cache(maxsize=8192)
def _folder(path: Path) -> Path:
    """Return a folder without the links on its way: thousands of modules stand in hundreds of folders."""
    return path.resolve()


@lru_cache(maxsize=1)
def _installed_elsewhere() -> tuple[str, ...]:
    """Return what was installed into other folders that Python looks in, as ``pip install --target`` does; files beside it are not."""
    found = set()
    for folder in (Path(entry).resolve() for entry in sys.path if entry):
        if str(folder) in _INSTALLED or not folder.is_dir():
            continue
        for record in folder.glob("*.dist-info/RECORD"):
            paths = (line.split(",", 1)[0] for line in record.read_text(encoding="utf-8", errors="replace").splitlines())
            tops = (path.partition("/") for path in paths if path and not path.startswith((".", "/")))
            found |= {f"{folder}/{top}{slash}" for top, slash, _ in tops}
    return tuple(found)
