"""A pipeline file with helpers beside it, that tests change and load anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gpupipe.checkpoints.address import Address, addresses, marks_of
from gpupipe.definition import load_definition
from gpupipe.pipeline import Pipeline

FLOW = '''
"""A pipeline of which everything that decides its results can be changed by itself."""
from __future__ import annotations
import functools
import narwhals.stable.v2 as nw
from sklearn.linear_model import Ridge
import gpupipe as gp
import ckp_helpers

FACTOR = 2.0
UNUSED = 1

def times(value, by=1.0):
    return value * by * FACTOR

class Options:
    power = 2
    def raised(self, value):
        return value ** self.power

def decorated(function):
    @functools.wraps(function)
    def inner(value):
        return function(value) + 0
    return inner

@decorated
def shifted(value):
    return value + 5.0

def counted(offset):
    @gp.rows
    def inner(frame):
        return frame.with_columns(c=nw.col("x") + offset)
    return inner

@gp.rows
def scaled(frame, *, by=1.0):
    """Scale."""
    return frame.with_columns(y=times(nw.col("x"), by) + ckp_helpers.plus(1.0))

@gp.rows
def late(frame):
    from ckp_helpers import late_plus
    return frame.with_columns(z=nw.col("y") + late_plus(1.0) + Options().raised(2) + shifted(1.0))

def pipeline(data: str, by: float = 3.0, low: float = -1.0, offset: float = 1.0, alpha: float = 1.0):
    source = gp.ReadParquet(f"{data}/one.parquet").node().named("source")
    other = gp.ReadParquet(f"{data}/two.parquet").node().named("other")
    first = scaled(source, by=by).named("first")
    second = late(first).named("second")
    closure = counted(offset)(other).named("closure")
    kept = gp.Filter(nw.col("x") > low)(other).named("kept")
    fit = gp.Standardize("z").fit(second).named("fit")
    model = gp.Learn(Ridge(alpha=alpha), target="y", features="z").fit(fit(second).named("applied")).named("model")
    n = gp.Scalar(nw.col("x").sum())(kept).named("n")
    return gp.Pipeline("p", model=model, n=n, closure=closure)
'''
HELPERS = '''
"""Helpers in a file of their own."""
import ckp_constants

def plus(value):
    return value + ckp_constants.ONE

def late_plus(value):
    return value + 10.0

def unused():
    return 0
'''
CONSTANTS = "ONE = 1.0\nTWO = 2.0\n"


@dataclass(frozen=True)
class Flow:
    """A folder with a pipeline's file and data."""

    folder: Path

    def edit(self, name: str, before: str, after: str) -> None:
        """Replace a text of a file that must hold it once."""
        path = self.folder / name
        text = path.read_text()
        assert text.count(before) == 1
        path.write_text(text.replace(before, after))

    def build(self, *given: str) -> Pipeline:
        """Return the pipeline of the files as they are now."""
        self.forget()
        definition = load_definition(str(self.folder / "ckp_flow.py"))
        return definition.build(definition.values([f"data={self.folder}", *given]))

    def forget(self) -> None:
        """Forget the modules of the folder."""
        for name in [name for name in sys.modules if name.startswith("ckp_")]:
            del sys.modules[name]

    def addresses(self, *given: str, engine: str = "cpu") -> dict[str, Address]:
        """Return the address of each labelled node."""
        plan = self.build(*given).plan()
        found = addresses(plan, engine, marks_of(plan))
        return {str(plan.steps[number].node.label): address for number, address in found.items()}

    def keys(self, *given: str, **more: Any) -> dict[str, str | None]:
        """Return the key of each labelled node."""
        return {name: address.key for name, address in self.addresses(*given, **more).items()}


@pytest.fixture(params=["cpu", "pandas"])
def engine(request: pytest.FixtureRequest) -> str:
    """Return the name of each engine of one process; what runs on workers has a test of its own."""
    name: str = request.param
    return name


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flow]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a file that is changed twice a second is not compiled anew
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "ckp_flow.py").write_text(FLOW)
    (tmp_path / "ckp_helpers.py").write_text(HELPERS)
    (tmp_path / "ckp_constants.py").write_text(CONSTANTS)
    pl.DataFrame({"x": [1.0, 2.0, 4.0, None]}).write_parquet(tmp_path / "one.parquet")
    pl.DataFrame({"x": [5.0, -6.0, 7.0]}).write_parquet(tmp_path / "two.parquet")
    made = Flow(tmp_path)
    yield made
    made.forget()
