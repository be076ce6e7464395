"""Functions taken apart: whose they are, and what they take from outside."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gpupipe as gp
from gpupipe.checkpoints.code import (
    Missing,
    UnaddressableError,
    class_parts,
    code_parts,
    function_parts,
    is_own,
    is_own_file,
    is_own_module,
    library_function_parts,
    library_name,
    module_parts,
    stands_for_itself,
)
from gpupipe.checkpoints.digest import digest


def _made(text: str, name: str = "made", **more: Any) -> Any:
    """Return a function as a file of the user's would define it."""
    space: dict[str, Any] = {"__name__": "own", **more}
    exec(compile(text, "/flows/own.py", "exec"), space)
    return space[name]


def test_files_are_the_users_own_or_a_librarys() -> None:
    assert is_own(test_files_are_the_users_own_or_a_librarys)
    assert is_own_module(sys.modules[__name__])
    assert not is_own_file(np.__file__)
    assert not is_own_file(gp.__file__)
    assert not is_own_module(gp)
    assert not is_own_module(None)
    assert not is_own(json.dumps)
    assert not is_own(dict)


def test_where_a_function_stands_and_what_it_is_called_do_not_count() -> None:
    one = _made("def made(x):\n    return x + 1\n")
    other = _made("\n\n# moved\n\n\ndef other(x):\n    return x + 1  # the same\n", "other")
    assert code_parts(one.__code__) == code_parts(other.__code__)
    assert digest(one) == digest(other)


def test_a_global_counts_only_where_it_is_named() -> None:
    text = "def made(x):\n    return x + used\n"
    made = [_made(text, used=used, unused=unused) for used, unused in ((1, 1), (1, 2), (2, 1))]
    assert digest(made[0]) == digest(made[1]) != digest(made[2])
    assert digest(_made(text)) not in {digest(one) for one in made}
    inner = "def made(x):\n    return [y + used for y in (lambda: x)()]\n"
    assert digest(_made(inner, used=1)) != digest(_made(inner, used=2)), "also inside a function inside it"


def test_closures_that_are_not_filled_yet_are_taken() -> None:
    def outer() -> Any:
        def inner() -> Any:
            return later

        early = function_parts(inner)
        later = 1
        return early, function_parts(inner)

    early, late = outer()
    assert early[3] == [("later", Missing.VALUE)]
    assert late[3] == [("later", 1)]


def test_attributes_are_followed_through_the_users_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("ckp_package")
    package.__file__ = str(tmp_path / "ckp_package.py")
    package.deep = types.ModuleType("ckp_package.deep")  # type: ignore[attr-defined]
    package.deep.__file__ = str(tmp_path / "deep.py")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ckp_package", package)
    monkeypatch.setitem(sys.modules, "ckp_package.deep", package.deep)  # type: ignore[attr-defined]
    made = _made("def made(x):\n    return ckp_package.deep.value + x\n", ckp_package=package)
    package.deep.value = 1  # type: ignore[attr-defined]
    first = digest(made)
    package.deep.other = 1  # type: ignore[attr-defined]
    assert digest(made) == first, "what is not named does not count"
    package.deep.value = 2  # type: ignore[attr-defined]
    assert digest(made) != first
    whole = _made("def made(x):\n    return use(ckp_package)\n", ckp_package=package)
    with pytest.raises(UnaddressableError, match="the module 'ckp_package', whose file cannot be read"):
        digest(whole)
    (tmp_path / "ckp_package.py").write_text("a = 1\n")
    (tmp_path / "deep.py").write_text("b = 1\n")
    second = digest(whole)
    (tmp_path / "deep.py").write_text("b = 2\n")
    assert digest(whole) != second, "a module that is handed on counts as a whole, with those that it takes from"
    assert module_parts(package)[2] == [package.deep]  # type: ignore[attr-defined]


def test_imports_inside_a_function_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    texts = (
        "def made(x):\n    from ckp_late import value\n    return value\n",
        "def made(x):\n    import ckp_late\n    return ckp_late.value\n",
        "def made(x):\n    from . import ckp_late\n    return ckp_late\n",
        "def made(x):\n    import ckp_nowhere\n    return ckp_nowhere\n",
    )
    found = []
    for value in (1, 2):
        (tmp_path / "ckp_late.py").write_text(f"value = {value}\n")
        sys.modules.pop("ckp_late", None)
        found.append([digest(_made(text)) for text in texts])
    del sys.modules["ckp_late"]
    assert [one == other for one, other in zip(*found, strict=True)] == [False, False, True, True]


def test_a_library_stands_for_itself_but_not_what_it_was_wrapped_around() -> None:
    assert library_name(np)[0] == "numpy"
    assert library_name(np)[2] == np.__version__
    assert stands_for_itself(np.mean)
    assert not stands_for_itself(_made("def made(x):\n    return x\n"))

    def wrapped(step: int) -> Any:
        @contextlib.contextmanager
        def inner() -> Any:
            yield step

        return inner

    assert not is_own(wrapped(1)), "contextlib's wrapper has the name of ours"
    assert digest(wrapped(1)) == digest(wrapped(1)) != digest(wrapped(2))
    cached = [functools.lru_cache(_made("def made(x):\n    return x + used\n", used=used)) for used in (1, 2)]
    assert digest(cached[0]) != digest(cached[1])
    assert library_function_parts(json.dumps)[:2] == ("json", "dumps")


def test_classes_are_what_they_were_defined_with() -> None:
    text = '"""{doc}"""\nclass made:\n    """{doc}"""\n    limit = {limit}\n    def check(self):\n        return self.limit\n'
    one, same, other = (_made(text.format(doc=doc, limit=limit)) for doc, limit in (("a", 1), ("b", 1), ("a", 2)))
    assert [name for name, _ in class_parts(one)[2]] == ["check", "limit"]
    sys.modules["own"] = types.ModuleType("own")
    sys.modules["own"].__file__ = "/flows/own.py"
    try:
        assert digest(one) == digest(same) != digest(other)
        assert digest(one()) != digest(other())
    finally:
        del sys.modules["own"]
