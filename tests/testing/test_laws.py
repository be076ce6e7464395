"""Each law, broken on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

from gpupipe.core.fit import FitStage
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, Outcome, RowStage, TableStage
from gpupipe.core.verbs import Verbs
from gpupipe.testing.laws import check_engines_agree, check_fit_stage, check_key_stage, check_row_stage, check_table_stage

Frame = nw.LazyFrame[Any]
TABLE = pa.table({"k": [1, 1, 2], "x": [1.0, 2.0, 4.0]})


@dataclass(frozen=True)
class Peeks(RowStage):
    """Looks at other rows."""

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        return frames[0].with_columns(z=nw.col("x").sum())


@dataclass(frozen=True)
class Counts(KeyStage):
    """Looks at other keys."""

    keys = ("k",)

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        return frames[0].with_columns(z=nw.len())


@dataclass(frozen=True)
class First(KeyStage):
    """Looks at the order of rows; only pandas lets it."""

    keys = ("k",)

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        return verbs.literal(frames[0].collect().unique("k", keep="first").to_arrow().select(["k", "x"]))


@dataclass(frozen=True)
class Lies(RowStage):
    """Promises that a column is never missing."""

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        return frames[0]

    def plan(self, *schemas: Schema) -> Outcome:
        return Outcome(not_null=frozenset({"x"}))


@dataclass(frozen=True)
class Asks(TableStage):
    """Asks which library is below it."""

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        return frames[0].with_columns(z=nw.lit(frames[0].implementation.is_polars()))


@dataclass(frozen=True)
class Holds(RowStage):
    """Holds what does not pickle."""

    function: Any

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        return frames[0]


@dataclass(frozen=True)
class Centre(FitStage):
    """Averages averages, which is no mean."""

    def measure(self, verbs: Verbs, frame: Frame) -> Frame:
        return frame.select(mean=nw.col("x").mean())

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        means = [part["mean"][0].as_py() for part in measured if part["mean"].null_count == 0]
        return pa.table({"mean": [sum(means) / len(means) if means else 0.0]})

    def finish(self, statistics: pa.Table) -> RowStage:
        return Lies()


def test_row_law() -> None:
    with pytest.raises(
        AssertionError,
        match=r"^Peeks on engine 'cpu' makes other rows of a table cut at \[1, 1\] than of the whole: The rows differ",
    ):
        check_row_stage(Peeks(), TABLE)
    check_row_stage(Peeks(), TABLE, cuts=[])


def test_key_law() -> None:
    with pytest.raises(
        AssertionError,
        match=r"^Counts on engine 'cpu' makes other rows of tables whose keys are dealt to 3 blocks than of the whole: ",
    ):
        check_key_stage(Counts(), TABLE)
    check_key_stage(Counts(), TABLE, n_parts=1)


def test_law_of_order() -> None:
    with pytest.raises(AssertionError, match=r"^First on engine 'pandas' makes other rows \(right\) where its input is in reverse order: "):
        check_key_stage(First(), TABLE, engines=("pandas",))
    check_key_stage(First(), TABLE, engines=("pandas",), any_order=False)


def test_promise_of_no_missing_values() -> None:
    check_row_stage(Lies(), TABLE)
    with pytest.raises(AssertionError, match=r"^Lies promised no missing values in 'x', got 1 on engine 'cpu'\.$"):
        check_row_stage(Lies(), pa.table({"x": [1.0, None]}))


def test_engines_agree() -> None:
    message = r"^Asks makes other rows on engine 'cpu' \(left\) than on 'pandas' \(right\): The rows differ\."
    for check in (check_table_stage, check_engines_agree):
        with pytest.raises(AssertionError, match=message):
            check(Asks(), TABLE)
        check(Asks(), TABLE, engines=("cpu",))


def test_law_of_pickles() -> None:
    with pytest.raises(
        AssertionError,
        match=r"^Holds does not pickle: .* Keep plain values in it, and functions at the top level of their module\.$",
    ):
        check_row_stage(Holds(lambda: None), TABLE)


def test_law_of_merging() -> None:
    message = r"^Centre on engine 'cpu': merging the parts \(right\) differs from measuring the whole \(left\): The rows differ"
    with pytest.raises(AssertionError, match=message):
        check_fit_stage(Centre(), TABLE)
