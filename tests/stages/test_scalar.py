from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

from gpupipe.core.errors import PlanError, UsageError
from gpupipe.pipeline import Pipeline
from gpupipe.stages.scalar import Scalar
from gpupipe.testing.trial import HeldTable

c = nw.col


def reduced(stage: Scalar, table: pa.Table, engine: str) -> Any:
    """Return the value that a pipeline makes."""
    return Pipeline("tried", value=stage(HeldTable(table).node())).run(engine)["value"]


@pytest.mark.parametrize(
    ("expression", "wanted", "of_nothing"),
    [
        (nw.len(), 6, 0),
        (c("i").sum(), 6, 0),
        (c("i").max(), 5, None),
        (c("i").mean(), 1.2, None),
        (c("s").n_unique(), 5, 0),
        (c("b").any(), True, False),
    ],
    ids=str,
)
def test_one_number(expression: Any, wanted: Any, of_nothing: Any, engine: str, awkward: pa.Table) -> None:
    assert reduced(Scalar(expression), awkward, engine) == pytest.approx(wanted)
    assert reduced(Scalar(expression), awkward.slice(0, 0), engine) == of_nothing


def test_named_numbers(engine: str, awkward: pa.Table) -> None:
    made = reduced(Scalar(low=c("i").min(), high=c("i").max(), n=nw.len()), awkward, engine)
    assert made == {"low": -6, "high": 5, "n": 6}


def test_nan_is_a_number(engine: str, awkward: pa.Table) -> None:
    assert str(reduced(Scalar(c("x").sum()), awkward, engine)) == "nan"


@pytest.mark.xfail(strict=True, reason="upstream: missing > 2 is false in pandas (pandas/limits.py, 'comparisons of a missing aggregate')")
def test_comparing_a_missing_aggregate(awkward: pa.Table) -> None:
    assert reduced(Scalar(c("i").max() > 2), awkward.slice(0, 0), "cpu") is reduced(Scalar(c("i").max() > 2), awkward.slice(0, 0), "pandas")


def test_options() -> None:
    for arguments in ({}, {"expression": nw.len(), "n": nw.len()}):
        with pytest.raises(UsageError, match=r"^Scalar expects either one expression, or several by keyword\.$"):
            Scalar(**arguments)
    with pytest.raises(UsageError, match=r"^Scalar expects narwhals expressions \(nw\.col\('a'\) \+ 1\), got int: 3\.$"):
        Scalar(3)


def test_expression_that_reduces_nothing() -> None:
    message = r"^Scalar expects expressions that reduce all rows to one value, got 0 rows\. Use \.sum\(\), .max\(\) and the like\."
    with pytest.raises(PlanError, match=message):
        Pipeline("tried", value=Scalar(c("a"))(HeldTable(pa.table({"a": [1]})).node())).check()
