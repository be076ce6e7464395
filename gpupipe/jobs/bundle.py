"""What a pipeline file needs to be loaded elsewhere: itself, and the modules beside and below it that it imports.

What is found is found by reading, not by running: the ``import`` statements of the file, of the modules they name, and so on. Installed
packages are not shipped, and data is not either.
"""

from __future__ import annotations

import ast
import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gpupipe.core.errors import UsageError
from gpupipe.jobs.store import ARCHIVE_BYTES

BUNDLE_BYTES = 16 << 20


def needed_files(file: Path, include: Sequence[Path] = ()) -> list[str]:
    """Return the paths, relative to the file's folder, of the file and of all that has to go with it.

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
    for one in include:
        whole = one.resolve()
        if not whole.exists() or not whole.is_relative_to(root):
            msg = f"Expected a file or folder below {root} to include, got {str(one)!r}."
            raise UsageError(msg)
        files = sorted(path for path in whole.rglob("*") if path.is_file()) if whole.is_dir() else [whole]
        found |= {path.relative_to(root).as_posix(): None for path in files if "__pycache__" not in path.parts}
    first, *others = found
    return [first, *sorted(others)]


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
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            archive.add(root / name, arcname=name, recursive=False)
    return packed.getvalue()


def unpack(packed: bytes | Path, folder: Path) -> None:
    """Write the files of an archive into a folder; none of them lands outside it."""
    source = io.BytesIO(packed) if isinstance(packed, bytes) else packed.open("rb")
    with source, tarfile.open(fileobj=source, mode="r:gz") as archive:
        archive.extractall(folder, filter="data")


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
        made = [path for path in sorted(work.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
        files += [
            (path, f"outputs/{path.relative_to(work).as_posix()}") for path in made if path.relative_to(work).as_posix() not in shipped
        ]
    left_out, room = [], ARCHIVE_BYTES - (1 << 20)  # the archive's own headers take some
    with tarfile.open(to, mode="w:gz", compresslevel=1) as archive:
        for path, name in files:
            size = path.stat().st_size
            if size > room:
                left_out.append(
                    f"gpupipe: {name} ({size:,} bytes) is not among what can be fetched: all of it may be {ARCHIVE_BYTES:,} bytes"
                )
                continue
            room -= size + 1024
            archive.add(path, arcname=name, recursive=False)
    return left_out
