from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest

from gpupipe.core.errors import UsageError, WiringError
from gpupipe.core.stage import as_columns
from gpupipe.stages.concat import Concat
from gpupipe.stages.join import Join
from gpupipe.stages.scalar import Scalar
from gpupipe.stages.select import Select
from gpupipe.stages.standardize import Standardize, Standardized
from gpupipe.testing.trial import HeldTable

NODE = HeldTable(pa.table({"a": [1.0]})).node()


def test_numbers_of_tables() -> None:
    with pytest.raises(WiringError, match=r"^Select takes 1 table\(s\), got 2\.$"):
        Select("a")(NODE, NODE)
    with pytest.raises(WiringError, match=r"^Join takes at least 2 table\(s\), got 1\. Write Join\(\.\.\.\)\(first, second\)\.$"):
        Join("a")(NODE)
    with pytest.raises(WiringError, match=r"^Concat takes at least 1 table\(s\), got 0\.$"):
        Concat()()


def test_kinds_of_inputs() -> None:
    with pytest.raises(WiringError, match=r"^Select takes tables of a pipeline, got DataFrame\. Use \.apply\(frame\) for plain frames\.$"):
        Select("a")(pl.DataFrame({"a": [1]}))  # type: ignore[arg-type]
    with pytest.raises(WiringError, match=r"^Select takes tables of a pipeline, got Fitted\. Call the fitted stage on a table first\.$"):
        Select("a")(Standardize("a").fit(NODE))  # type: ignore[arg-type]
    with pytest.raises(WiringError, match=r"^Select takes tables of a pipeline, got Value\."):
        Select("a")(Scalar(nw.len())(NODE))  # type: ignore[arg-type]


def test_what_is_missing_before_a_stage_is_told() -> None:
    with pytest.raises(WiringError, match=r"^Select takes tables of a pipeline, got HeldTable\. Call \.node\(\) on it first\.$"):
        Select("a")(HeldTable(pa.table({"a": [1.0]})))  # type: ignore[arg-type]
    with pytest.raises(WiringError, match=r"got DataFrame\. Use \.fit_plain\(frame\) for plain frames\.$"):
        Standardize("a").fit(pl.DataFrame({"a": [1]}))  # type: ignore[arg-type]
    with pytest.raises(
        WiringError, match=r"^A chain begins with a table of a pipeline, got HeldTable\. Write: HeldTable\(\.\.\.\)\.node\(\) >> Select\.$"
    ):
        HeldTable(pa.table({"a": [1.0]})) >> Select("a")
    with pytest.raises(WiringError, match=r"Write: table >> Select >> Join\.$"):
        Select("a") >> Join("a")
    with pytest.raises(
        WiringError, match=r"^HeldTable has no rows before it runs\. Take columns with a stage: table >> gp\.Select\('a'\)\.$"
    ):
        NODE["a"]
    with pytest.raises(TypeError, match="not iterable"):
        list(NODE)


def test_what_is_applied() -> None:
    fitted = Standardize("a").fit(NODE)
    assert fitted(NODE).title == "Standardize.apply" or fitted(NODE).stage.kind == "apply"
    with pytest.raises(WiringError, match=r"^A fitted stage is applied to a table, got int\.$"):
        fitted(3)  # type: ignore[arg-type]
    with pytest.raises(
        WiringError, match=r"^Standardized has no 'predict': it is a fitted transformation\. Call it on the table instead\.$"
    ):
        Standardized(("a",), (0.0,), (1.0,)).using("predict")
    with pytest.raises(WiringError, match=r"^Select fits nothing, so there is nothing to apply\.$"):
        Select("a").use(fitted, "apply", NODE)


def test_stages_are_values() -> None:
    assert Join("k", how="left") == Join("k", how="left")
    assert hash(Standardize("a")) == hash(Standardize(["a"]))
    with pytest.raises(AttributeError):
        Standardize("a").columns = ("b",)  # type: ignore[misc]


def test_column_names() -> None:
    assert as_columns(["a", "b"], "by") == ("a", "b")
    for value in ((), [1], 3 * [None]):
        with pytest.raises(UsageError, match=r"^by expects one column name or several, got "):
            as_columns(value, "by")  # type: ignore[arg-type]
