"""A misspelled option of any stage, source or sink is told with the nearest that there is."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from importlib import import_module
from typing import Any

import narwhals.stable.v2 as nw
import pytest
from sklearn.linear_model import LogisticRegression

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import UsageError
from gpupipe.core.options import WithOptions, _options


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: gp.ReadCsv("a.csv", sep=";"), "ReadCsv has no option 'sep'. Did you mean 'separator'?"),
        (lambda: gp.Split((0.8, 0.2), strata="y"), "Split has no option 'strata'. Did you mean 'stratify'? Its options are 'fractions', "),
        (lambda: gp.Learn(LogisticRegression(), targett="y"), "Learn has no option 'targett'. Did you mean 'target'?"),
        (lambda: gp.FitPredict(LogisticRegression(), feature=["x"]), "FitPredict has no option 'feature'. Did you mean 'features'?"),
        (lambda: gp.Join("k", hwo="left"), "Join has no option 'hwo'. Did you mean 'how'?"),
        (lambda: gp.WriteParquet("a", partitions_by="k"), "WriteParquet has no option 'partitions_by'. Did you mean 'partition_by'?"),
        (lambda: EngineOptions(block_byte=1), "EngineOptions has no option 'block_byte'. Did you mean 'block_bytes'?"),
    ],
)
def test_a_misspelled_option_names_the_nearest(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: gp.SortRows("a", "b"), r"takes 'by' without a name, got 2. Several columns go as a list: SortRows\(\['a', 'b'\]\)"),
        (lambda: gp.Limit(3, 4), r"takes 'n_rows' without a name, got 2. Give the others by name: its options are 'n_rows'"),
        (lambda: gp.Expect("age > 0"), r"takes nothing without a name, got 1. Give each a name: Expect\(name=...\)"),
    ],
)
def test_more_values_than_a_stage_takes_say_how_they_are_given(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        make()
    assert gp.Unique("a", "b").columns == ("a", "b")


def test_every_part_of_a_pipeline_has_the_mechanism() -> None:
    own = [getattr(gp, name) for name in gp.__all__]
    made = [part for part in own if isinstance(part, type) and import_module(part.__module__).__name__.split(".")[1] in PARTS]
    assert len(made) > 30 and all(issubclass(part, WithOptions) for part in made)


PARTS = ("models", "sinks", "sources", "stages")


def test_names_of_the_callers_own_are_no_options() -> None:
    assert gp.WithColumns(sep=nw.col("x")).columns[0][0] == "sep"
    assert _options(gp.WithColumns) is None


def test_what_has_options_is_copied_and_pickled() -> None:
    stage = gp.Standardize("x", with_std=False)
    assert pickle.loads(pickle.dumps(stage)) == copy.copy(stage) == stage
