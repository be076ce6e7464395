"""A source whose files were found once: what processes elsewhere read."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, TypeVar

from gpupipe.core.files import Place, found_files
from gpupipe.core.options import settle

AnySource = TypeVar("AnySource")


def at_files(source: AnySource, files: Iterable[Place], **told: Any) -> AnySource:
    """Return a copy of a source that has its files instead of the paths they are found by.

    Parameters
    ----------
    told
        What the files told when they were found, as attributes of the copy.
    """
    made = copy.copy(source)
    given: Any = source
    settle(made, path=found_files(files, given.path), **told)
    return made
