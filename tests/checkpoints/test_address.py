"""Addresses: what changes them, and that nothing else does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.checkpoints.address import Address, addresses, marks_of
from gpupipe.core.ends import Source
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema, as_schema

if TYPE_CHECKING:
    from tests.checkpoints.conftest import Flow

FROM_SECOND = {"second", "fit", "applied", "model"}
FROM_FIRST = {"first", *FROM_SECOND}
FLOW, HELPERS, CONSTANTS = "ckp_flow.py", "ckp_helpers.py", "ckp_constants.py"


@pytest.mark.parametrize(
    ("name", "before", "after", "changed"),
    [
        (FLOW, "y=times(nw", "y=-times(nw", FROM_FIRST),  # a function's body
        (FLOW, "value * by * FACTOR", "value * by / FACTOR", FROM_FIRST),  # what it calls in the same file
        (FLOW, "FACTOR = 2.0", "FACTOR = 3.0", FROM_FIRST),  # a global of what it calls
        (FLOW, "def times(value, by=1.0)", "def times(value, by=2.0)", FROM_FIRST),  # a default of what it calls
        (HELPERS, "value + ckp_constants.ONE", "value - ckp_constants.ONE", FROM_FIRST),  # what it calls in another file
        (CONSTANTS, "ONE = 1.0", "ONE = 1.5", FROM_FIRST),  # what that takes from a third one
        (HELPERS, "value + 10.0", "value + 11.0", FROM_SECOND),  # what is imported inside the function
        (FLOW, "power = 2", "power = 3", FROM_SECOND),  # a class it makes an instance of
        (FLOW, "return value ** self.power", "return value * self.power", FROM_SECOND),  # that one's method
        (FLOW, "return value + 5.0", "return value + 6.0", FROM_SECOND),  # what a decorator is around
        (FLOW, "return function(value) + 0", "return function(value) + 1", FROM_SECOND),  # the decorator
        (FLOW, 'nw.col("x") + offset', 'nw.col("x") - offset', {"closure"}),  # a function inside a function
        (FLOW, 'gp.Standardize("z")', 'gp.Standardize(["z", "y"])', {"fit", "applied", "model"}),  # a stage's parameter
        (FLOW, "Ridge(alpha=alpha)", "Ridge(alpha=alpha, fit_intercept=False)", {"model"}),  # an estimator's
        (FLOW, 'nw.col("x").sum()', 'nw.col("x").max()', {"n"}),  # an expression
        (FLOW, "UNUSED = 1", "UNUSED = 2", set()),
        (FLOW, "FACTOR = 2.0", "\n\n# a comment, and lines that move all others\nFACTOR = 2.0", set()),
        (HELPERS, "return 0", "return 1", set()),
        (CONSTANTS, "TWO = 2.0", "TWO = 2.5", set()),
    ],
)
def test_a_change_reaches_exactly_what_comes_after_it(flow: Flow, name: str, before: str, after: str, changed: set[str]) -> None:
    first = flow.keys()
    flow.edit(name, before, after)
    second = flow.keys()
    assert {label for label in first if first[label] != second[label]} == changed


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ("by=4.0", FROM_FIRST),
        ("offset=2.0", {"closure"}),
        ("alpha=2.0", {"model"}),
        ("low=-2.0", {"kept", "n"}),
    ],
)
def test_a_parameter_reaches_exactly_what_comes_after_it(flow: Flow, given: str, changed: set[str]) -> None:
    first, second = flow.keys(), flow.keys(given)
    assert {label for label in first if first[label] != second[label]} == changed


def test_a_source_file_reaches_exactly_what_comes_after_it(flow: Flow) -> None:
    first = flow.keys()
    path = flow.folder / "two.parquet"
    found = path.stat()
    pl.DataFrame({"x": [5.0, -6.0, 8.0]}).write_parquet(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert path.stat().st_size == found.st_size, "only the content tells that this is another file"
    second = flow.keys()
    assert {label for label in first if first[label] != second[label]} == {"other", "closure", "kept", "n"}


def test_every_step_has_an_address_and_the_engine_is_in_it(flow: Flow) -> None:
    cpu, pandas = flow.keys(), flow.keys(engine="pandas")
    assert None not in cpu.values()
    assert not set(cpu.values()) & set(pandas.values())


SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from gpupipe.checkpoints.address import addresses, marks_of
from gpupipe.definition import load_definition
definition = load_definition(sys.argv[1] + "/ckp_flow.py")
plan = definition.build(definition.values(["data=" + sys.argv[1]])).plan()
print(json.dumps({str(plan.steps[n].node.label): a.key for n, a in addresses(plan, "cpu", marks_of(plan)).items()}))
"""


def test_addresses_are_the_same_in_every_process(flow: Flow) -> None:
    here = flow.keys()
    for seed in ("1", "2"):  # the second process has the files compiled by the first
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(gp.__file__).parents[1])}
        command = [sys.executable, "-c", SCRIPT, str(flow.folder)]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=600).stdout
        assert json.loads(told) == here


def _of(node: Node) -> Address:
    """Return the address of a node."""
    plan = gp.Pipeline("p", out=node).plan()
    return addresses(plan, "cpu", marks_of(plan))[plan.outputs["out"]]


def test_rows_that_are_left_out_are_another_table_but_the_same_fit() -> None:
    table = gp.FromFrame(pl.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})).node()
    scaler = gp.Standardize("a").fit(table)
    low, high = (gp.Pipeline("p", s=scaler, t=table >> gp.Filter(nw.col("b") > limit)).plan() for limit in (0, 1))
    ours, theirs = (addresses(plan, "cpu", marks_of(plan)) for plan in (low, high))
    (fit,) = [step.id for step in low.steps if step.stage.kind == "fit"]
    assert ours[fit] == theirs[fit], "a filter beside a fit is none of its business"
    narrow = gp.Pipeline("p", s=scaler, t=gp.Select("a")(table)).plan()
    (source, *_) = low.steps
    assert addresses(narrow, "cpu", marks_of(narrow))[0] != ours[source.id], "fewer columns of it are delivered"


def test_frames_in_memory_are_addressed_by_their_content() -> None:
    one, same, other = ({"a": [1.0, 2.0, None]}, {"a": [1.0, 2.0, None]}, {"a": [1.0, 2.5, None]})
    made = [_of(gp.FromFrame(pl.DataFrame(data)).node()).key for data in (one, same, other)]
    assert made[0] == made[1] != made[2]
    arrow = [_of(gp.FromArrow(pl.DataFrame(data).to_arrow()).node()).key for data in (one, same, other)]
    assert arrow[0] == arrow[1] != arrow[2]


def test_what_cannot_be_told_has_no_address_and_says_why(tmp_path: Path) -> None:
    lazy = _of(gp.FromFrame(pl.LazyFrame({"a": [1]})).node())
    assert lazy.key is None
    assert "a polars frame have changed cannot be told" in str(lazy.why)
    query = gp.ReadSql("SELECT 1 AS a", "sqlite:///:memory:").node() >> gp.Filter(nw.col("a") > 0)
    assert _of(query).key is None, "neither has what is made of it"

    class Own(Source):
        def schema(self) -> Schema:
            return as_schema({"a": nw.Int64})

    assert _of(Own().node()).key is None
    handle = (tmp_path / "x").open("w")

    @gp.rows
    def writing(frame: nw.LazyFrame) -> nw.LazyFrame:
        assert handle is not None
        return frame

    found = _of(writing(gp.FromFrame(pl.DataFrame({"a": [1]})).node()))
    handle.close()
    assert found.key is None
    assert found.why == "writing depends on a _io.TextIOWrapper, of which no address can be made"


def test_remote_files_are_addressed_by_what_their_store_tells() -> None:
    fs = fsspec.filesystem("memory")
    keys = []
    for value in (1, 1, 2):
        if len(keys) != 1:
            with fs.open("/addressed/a.csv", "wb") as stream:
                stream.write(f"a\n{value}\n".encode())
        keys.append(_of(gp.ReadCsv("memory://addressed/a.csv").node()).key)
    assert keys[0] == keys[1] != keys[2]
    assert None not in keys
