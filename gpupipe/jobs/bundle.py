"""What a pipeline file needs to be loaded elsewhere: itself, and the modules beside and below it that it imports.

What is found is found by reading, not by running: the ``import`` statements of the file, of the modules they name, and so on. Installed
packages are not shipped, and data is not either.
"""

from __future__ import annotations

import ast
import io
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpupipe.core.errors import ClusterError, UsageError
from gpupipe.jobs.store import ARCHIVE_BYTES

BUNDLE_BYTES = 16 << 20
MAX_FILES = 10_000
UNPACKED_BYTES = 4 << 30
# What a folder may hold that nobody means to send away with it.
_PRIVATE = re.compile(
    r"\.env.*|.*\.env|\.git.*|\.hg|\.svn|\.ssh|\.aws|\.azure|\.gnupg|\.kube|\.netrc|\.pgpass|\.npmrc|\.pypirc|id_[a-z0-9]+"
    r"|.*\.(pem|key|p12|pfx)"
)


@dataclass(frozen=True)
class Needed:
    """What goes with a pipeline file.

    Parameters
    ----------
    names
        The paths, relative to the file's folder; the file itself is the first.
    notes
        What was left out of what was to be included, and why.
    """

    names: tuple[str, ...]
    notes: tuple[str, ...]


def needed_files(file: Path, include: Sequence[Path] = ()) -> Needed:
    """Return what has to go with a file.

    Of what is included, links are left out, and so are files of a folder that may hold secrets, or a history; both are told. A file that is
    named by itself goes with it whatever it is called.

    Parameters
    ----------
    include
        More files or folders below the file's folder.

    Raises
    ------
    UsageError
        A file is no Python, or what is to be included is not there or not below the folder.
    """
    root = file.resolve().parent
    found: dict[str, None] = {}
    waiting = [file.resolve()]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name not in found:
            found[name] = None
            waiting += _imported(path, root)
    notes: list[str] = []
    for one in include:
        whole = one.parent.resolve() / one.name
        if one.is_symlink():
            notes.append(f"left out: {one}, a link; to ship what it leads to, name that by itself")
            continue
        if not whole.exists() or not whole.resolve().is_relative_to(root):
            msg = f"Expected a file or folder below {root} to include, got {str(one)!r}."
            raise UsageError(msg)
        files, left_out = _inside(whole.resolve()) if whole.is_dir() else ([whole], [])
        found |= {path.relative_to(root).as_posix(): None for path in files}
        notes += [f"left out of {one}: {path.relative_to(root).as_posix()}, {why}" for path, why in left_out]
    first, *others = found
    return Needed((first, *sorted(others)), tuple(notes))


def _inside(folder: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the files of a folder and of those in it, and what is left out of them, each with the reason."""
    files: list[Path] = []
    left_out: list[tuple[Path, str]] = []
    for path in sorted(folder.iterdir()):
        if path.name == "__pycache__":
            continue
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            left_out.append((path, "a link" if path.is_symlink() else "no file"))
        elif _PRIVATE.fullmatch(path.name):
            left_out.append((path, "which may hold secrets; to ship it, name it by itself"))
        elif path.is_dir():
            inner, more = _inside(path)
            files, left_out = files + inner, left_out + more
        else:
            files.append(path)
    return files, left_out


def _imported(path: Path, root: Path) -> Iterator[Path]:
    """Yield the files below the root that a file's import statements name, with the packages they are in."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        msg = f"{path} cannot be read as Python: {error}"
        raise UsageError(msg) from error
    inside = list(path.relative_to(root).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(alias.name.split("."), root)
        elif isinstance(node, ast.ImportFrom):
            above = inside[: len(inside) - node.level + 1] if node.level else []
            parts = [*above, *(node.module.split(".") if node.module else [])]
            yield from _module_files(parts, root)
            for alias in node.names:
                yield from _module_files([*parts, alias.name], root)


def _module_files(parts: Sequence[str], root: Path) -> Iterator[Path]:
    """Yield the files of a dotted name and of the packages on the way to it, as far as they are below the root."""
    for n_parts in range(1, len(parts) + 1):
        base = root.joinpath(*parts[:n_parts])
        for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if path.is_file():
                yield path


def pack(root: Path, names: Sequence[str], *, limit: int = BUNDLE_BYTES) -> bytes:
    """Return the files as one archive.

    Raises
    ------
    UsageError
        They are too many bytes.
    """
    n_bytes = sum((root / name).stat().st_size for name in names)
    if n_bytes > limit:
        largest = max(names, key=lambda name: (root / name).stat().st_size)
        msg = f"What the job needs is {n_bytes:,} bytes, more than {limit:,}; the largest is {largest}. Put data where the workers read it."
        raise UsageError(msg)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", dereference=True) as archive:  # a module may be a link: what it says is shipped
        for name in names:
            archive.add(root / name, arcname=name, recursive=False)
    return packed.getvalue()


def unpack(packed: bytes | Path, folder: Path, *, limit: int = UNPACKED_BYTES) -> None:
    """Write the files of an archive into a folder; none of them lands outside it, and nothing but files does.

    Raises
    ------
    ClusterError
        It is no archive of files, or one of too many, or of too many bytes.
    """
    source = io.BytesIO(packed) if isinstance(packed, bytes) else packed.open("rb")
    try:
        with source, tarfile.open(fileobj=source, mode="r:gz") as archive:
            n_bytes = 0
            for number, member in enumerate(archive):
                if not (member.isfile() or member.isdir()) or member.issparse():
                    msg = f"The archive holds {_shown(member.name)}, which is a link or a device. Nothing more of it is unpacked."
                    raise ClusterError(msg)
                n_bytes += member.size
                if number >= MAX_FILES or n_bytes > limit:
                    msg = f"The archive holds more than {MAX_FILES:,} files, or more than {limit:,} bytes. Nothing more is unpacked."
                    raise ClusterError(msg)
                if os.path.lexists(folder / member.name) and not member.isdir():
                    msg = f"The archive holds {_shown(member.name)} twice. Nothing more of it is unpacked."
                    raise ClusterError(msg)
                _extract(archive, member, folder)
    except (tarfile.TarError, EOFError, ValueError, zlib.error) as error:
        msg = f"The archive is damaged, or leads out of its folder: {type(error).__name__}: {error}. Nothing more of it is unpacked."
        raise ClusterError(msg) from error


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write a file or a folder of an archive. The tarfile of Python before 3.11.4, which Debian 12 has, cannot be told to keep inside."""
    place = (folder / member.name.lstrip("/")).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise tarfile.TarError(f"{_shown(member.name)} would be outside")
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None
    with content, place.open("xb") as made:
        shutil.copyfileobj(content, made)
    if member.mode & 0o100:
        place.chmod(0o755)


def _shown(name: str) -> str:
    """Return a name in an archive as an error tells it."""
    return repr(name[:200])


def pack_results(results: Path, work: Path | None, shipped: Sequence[str], to: Path) -> list[str]:
    """Write what a job made into an archive, and return a line for each thing that is too large to go with it.

    Parameters
    ----------
    results
        The folder with the report, the fitted outputs and the log; they go first.
    work
        The job's own folder: files in it that were not shipped are outputs.
    """
    files = [(path, path.relative_to(results).as_posix()) for path in sorted(results.rglob("*")) if path.is_file()]
    if work is not None:
        made = [path for path in sorted(work.rglob("*")) if (path.is_file() or path.is_symlink()) and "__pycache__" not in path.parts]
        files += [
            (path, f"outputs/{path.relative_to(work).as_posix()}") for path in made if path.relative_to(work).as_posix() not in shipped
        ]
    left_out, room = [], ARCHIVE_BYTES - (1 << 20)  # the archive's own headers take some
    with tarfile.open(to, mode="w:gz", compresslevel=1, dereference=True) as archive:  # of two names of one file, both are files
        for path, name in files:
            if path.is_symlink():
                left_out.append(f"gpupipe: {name} is a link, and is not among what can be fetched")
                continue
            size = path.stat().st_size
            if size > room:
                left_out.append(
                    f"gpupipe: {name} ({size:,} bytes) is not among what can be fetched: all of it may be {ARCHIVE_BYTES:,} bytes"
                )
                continue
            room -= size + 1024
            archive.add(path, arcname=name, recursive=False)
    return left_out
