"""A source whose files were found once: what processes elsewhere read."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from gpupipe.core.files import FoundFiles, Place
from gpupipe.core.options import settle

AnySource = TypeVar("AnySource")


def at_files(source: AnySource, files: Iterable[Place], **told: Any) -> AnySource:
    """Return a copy of a source that has its files instead of the paths they are found by.

    Parameters
    ----------
    told
        What else is known when they are found, as attributes of the copy.
    """
    made = copy.copy(source)
    given: Any = source
    if not isinstance(given.path, FoundFiles):
        settle(made, path=FoundFiles(tuple(file if file.fs is not None else _whole(file) for file in files), given.path))
    settle(made, **told)
    return made


def _whole(file: Place) -> Place:
    """Return a local file by its whole path, called as it was."""
    return replace(file, path=whole_path(file.path), root=whole_path(file.root), called=str(file))


def whole_path(path: str) -> str:
    """Return a local path as one that does not depend on where a process stands; ``..`` and links stay."""
    return str(Path.cwd() / path)
