"""Classes that something saved refers to, as a fitted network does to what makes it: by name, and never by value.

Beside the name stands a digest of the text that the class was written as. What is handed over when the thing is loaded must have the same
text: weights mean nothing to a network that computes something else.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpupipe.core.errors import ArtefactError


def class_words(kind: type, what: str) -> dict[str, str]:
    """Return the name of a class and the digest of its text, as JSON holds them.

    Raises
    ------
    ArtefactError
        It has no name under which it could be found again.

    Examples
    --------
    >>> class_words(Path, "a field")["class"]
    'pathlib:Path'
    """
    if "<" in kind.__qualname__:
        msg = (
            f"{what} is {kind.__qualname__!r}, a class inside a function, which nobody would find again. Define it at the top of a module."
        )
        raise ArtefactError(msg)
    return {"class": f"{kind.__module__}:{kind.__qualname__}", "text": text_of(kind)}


def class_of(words: Any, text: Any, trusted: Sequence[Any]) -> type:
    """Return the class of a name: a network of gpupipe's own, or what the caller has handed over; a file imports nothing.

    Parameters
    ----------
    trusted
        Classes, or exact names of such. A pipeline file may be imported under another name than it was run under, so a class is known by
        its own name and its text.

    Raises
    ------
    ArtefactError
        It is neither, or its text is not the one that was saved.
    """
    module, _, name = words.partition(":") if isinstance(words, str) and isinstance(text, str) else ("", "", "")
    given = [kind for kind in trusted if isinstance(kind, type) and kind.__qualname__ == name]
    found: Any = next((kind for kind in given if kind.__module__ == module), given[0] if given else None)
    named = f"{module}.{name}" in [known.replace(":", ".") for known in trusted if isinstance(known, str)]
    own = found is None and module in _own_networks()
    if found is None and (named or own):
        found = getattr(importlib.import_module(module), name, None)
    elif found is None:
        short = name.rpartition(".")[2] or repr(words)[:80]
        msg = f"It refers to {words!r}, which is none of gpupipe's own networks. Hand over the class: load(path, trusted=[{short}])."
        raise ArtefactError(msg)
    if not isinstance(found, type) or (own and not (found.__module__ == module and _is_network(found))):
        msg = f"There is no network {words!r} in this version of gpupipe. Load it with the version that wrote it."
        raise ArtefactError(msg)
    if not own and text_of(found) != text:
        msg = f"{words} is not written as it was when it was saved, so its weights are of another network. Hand over that one."
        raise ArtefactError(msg)
    return found


def text_of(kind: type) -> str:
    """Return a digest of the text of the user's own class; empty for a library's, and where there is no text.

    Examples
    --------
    >>> text_of(int), text_of(Path)
    ('', '')
    """
    try:
        file = Path(inspect.getfile(kind))
        if {"site-packages", "dist-packages"} & set(file.parts) or kind.__module__.partition(".")[0] in sys.stdlib_module_names:
            return ""
        return hashlib.sha256(inspect.getsource(kind).encode()).hexdigest()
    except (OSError, TypeError):
        return ""


def _is_network(kind: type) -> bool:
    """Whether a class is a module of PyTorch's kind."""
    return any(base.__module__ == "torch.nn.modules.module" for base in kind.__mro__)


@functools.cache
def _own_networks() -> frozenset[str]:
    """Return the modules of gpupipe that define networks."""
    home = Path(__file__).parent
    return frozenset(".".join(("gpupipe", *file.relative_to(home).with_suffix("").parts)) for file in (home / "deep").rglob("[a-z]*.py"))
