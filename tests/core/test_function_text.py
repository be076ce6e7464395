from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ArtefactError

MODULE = """
import narwhals.stable.v2 as nw
import gpupipe as gp
import beside_mine
FACTOR = 2
def helper(x):
    return x * FACTOR
@gp.rows
def doubled(frame, *, plus=0):
    return frame.with_columns(b=beside_mine.same(helper(nw.col("a"))) + plus)
def outer():
    @gp.rows
    def inner(frame):
        return frame
    return inner
"""
FRAME = pl.DataFrame({"a": [1, 2]})


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "of_mine.py").write_text(MODULE)
    (tmp_path / "beside_mine.py").write_text("def same(x):\n    return x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield importlib.import_module("of_mine")
    for name in ("of_mine", "beside_mine"):
        sys.modules.pop(name, None)


def changed(tmp_path: Path, old: str, new: str) -> Any:
    text = (tmp_path / "of_mine.py").read_text()
    assert old in text
    (tmp_path / "of_mine.py").write_text(text.replace(old, new) + "# longer, so that no cached code is taken\n")
    sys.modules.pop("of_mine", None)
    importlib.invalidate_caches()
    import linecache

    linecache.clearcache()
    return importlib.import_module("of_mine")


def test_a_function_comes_back_to_who_names_it(module: Any, tmp_path: Path) -> None:
    folder = gp.save(gp.Chain(gp.Rename(x="a"), module.doubled.bind(plus=3)), tmp_path / "chain")
    assert "helper" not in (folder / "stage.json").read_text()
    for trusted in ([module.doubled], ["of_mine.doubled"], ["of_mine:doubled"]):
        assert gp.load(folder, trusted=trusted).apply(FRAME.rename({"a": "x"}))["b"].to_list() == [5, 7]


def test_nothing_is_imported_for_who_does_not(module: Any, tmp_path: Path) -> None:
    folder = gp.save(module.doubled, tmp_path / "chain")
    del sys.modules["of_mine"]
    with pytest.raises(ArtefactError, match=r"runs the function 'of_mine:doubled'.*trusted=\['of_mine\.doubled'\]"):
        gp.load(folder, trusted=["of_mine.helper"])
    assert "of_mine" not in sys.modules


@pytest.mark.parametrize(("old", "new"), [("+ plus", "- plus"), ("x * FACTOR", "x + FACTOR"), ("FACTOR = 2", "FACTOR = 3")])
def test_another_text_is_refused(module: Any, tmp_path: Path, old: str, new: str) -> None:
    folder = gp.save(module.doubled, tmp_path / "chain")
    again = changed(tmp_path, old, new)
    with pytest.raises(ArtefactError, match="is not what it was when the stage was saved"):
        gp.load(folder, trusted=[again.doubled])


def test_another_text_of_a_neighbour_is_refused(module: Any, tmp_path: Path) -> None:
    folder = gp.save(module.doubled, tmp_path / "chain")
    (tmp_path / "beside_mine.py").write_text("def same(x):\n    return x + 0\n# longer\n")
    del sys.modules["beside_mine"]
    with pytest.raises(ArtefactError, match="is not what it was when the stage was saved"):
        gp.load(folder, trusted=[changed(tmp_path, "def outer", "def another").doubled])


def test_what_else_stands_in_the_module_does_not_matter(module: Any, tmp_path: Path) -> None:
    folder = gp.save(module.doubled, tmp_path / "chain")
    assert gp.load(folder, trusted=[changed(tmp_path, "def outer", "\ndef another").doubled]).apply(FRAME)["b"].to_list() == [2, 4]


def test_a_function_that_nobody_else_finds_is_not_saved(module: Any, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="stands in another function"):
        gp.save(module.outer(), tmp_path / "chain")
    module.doubled.function.__module__ = "__main__"
    with pytest.raises(ArtefactError, match="stands in the script that is run"):
        gp.save(module.doubled, tmp_path / "chain")
