from __future__ import annotations

import inspect
from pathlib import Path

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

from gpupipe.core.errors import WiringError
from gpupipe.core.node import Fitted, Table, Value, ordered
from gpupipe.stages.filter import Filter
from gpupipe.stages.join import Join
from gpupipe.stages.scalar import Scalar
from gpupipe.stages.select import Select
from gpupipe.stages.standardize import Standardize
from gpupipe.testing.trial import HeldTable

SOURCE = HeldTable(pa.table({"a": [1.0], "k": [1]}))


def test_calling_a_stage_wires_it_where_it_is_called() -> None:
    source = SOURCE.node()
    line = inspect.stack()[0].lineno + 1
    node = Select("a")(source)
    assert isinstance(node, Table)
    assert (Path(node.path), node.line) == (Path(__file__), line)
    assert node.where.endswith(f"test_node.py:{node.line}")
    assert node.inputs == (source,)
    assert repr(node) == f"<Table Select at {node.where}>"


def test_chain_is_calls() -> None:
    node = SOURCE.node() >> Filter(nw.col("a") > 0) >> Select("a")
    assert [given.stage.name for given in ordered({"out": node})] == ["HeldTable", "Filter(col(a) > 0)", "Select"]


def test_kinds_of_nodes() -> None:
    fitted = Standardize("a").fit(SOURCE.node())
    assert isinstance(fitted, Fitted)
    assert isinstance(fitted(SOURCE.node()), Table)
    assert isinstance(Scalar(nw.len())(SOURCE.node()), Value)


def test_named_node_is_another_one_at_the_same_line() -> None:
    node = Select("a")(SOURCE.node())
    named = node.named("features")
    assert named.title == "Select (features)"
    assert named.where == node.where
    assert node.label is None


def test_inputs_come_before_what_is_made_of_them_and_once() -> None:
    source = SOURCE.node()
    left, right = Select("k")(source), Select("k", "a")(source)
    joined = Join("k")(left, right)
    assert ordered({"one": joined, "other": left}) == [source, left, right, joined]


def test_long_chains_need_no_deep_stack() -> None:
    node = SOURCE.node()
    for _ in range(5_000):
        node = Select("a")(node)
    assert len(ordered({"out": node})) == 5_001


def test_cycle() -> None:
    node = Select("a")(SOURCE.node())
    again = Select("a")(node)
    node.inputs = (again,)
    with pytest.raises(WiringError, match=r"depends on itself\. A pipeline's nodes must form no cycle: wire it from its sources on\.$"):
        ordered({"out": again})


def test_node_is_neither_true_nor_false() -> None:
    message = r"^Select has no truth value before it runs\. Put the condition into a stage, or run the pipeline first\.$"
    with pytest.raises(WiringError, match=message):
        bool(Select("a")(SOURCE.node()))
