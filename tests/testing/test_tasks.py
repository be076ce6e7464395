"""The law of task stages: stages that break it are caught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest

from gpupipe.core.errors import StageError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.testing.tasks import check_task

ROWS = pl.DataFrame({"x": [3.0, 1.0, 2.0]})


@dataclass(frozen=True)
class Wrong(TaskStage):
    """Breaks the law in one of several ways."""

    way: str

    def plan(self, *specs: Any) -> Schema:
        return Schema.of_names({"y": nw.Float32() if self.way == "dtype" else nw.Float64()})

    def solve(self, tools: Tools, *inputs: Any) -> Any:
        x = tools.array(inputs[0], "x")
        if self.way == "order":
            x = np.cumsum(x)
        if self.way == "engine" and inputs[0].implementation.is_pandas():
            x = x + 1
        return tools.frame({"y": x})


@dataclass(frozen=True)
class Nothing(TaskStage):
    """Fits nothing that can be saved."""

    gives: ClassVar[type[Node]] = Fitted

    def plan(self, *specs: Any) -> Any:
        return Unsaved(None)

    def solve(self, tools: Tools, *inputs: Any) -> Any:
        return Unsaved(object())


@dataclass(frozen=True, eq=False)
class Unsaved(Holding):
    """Holds what cannot be written."""

    word: ClassVar[str] = "nothing"
    thing: Any

    def describe(self) -> Mapping[str, Any]:
        return {}


def test_a_stage_that_keeps_the_law() -> None:
    assert check_task(Wrong("no"), ROWS)["y"].to_list() == [3.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("way", "match"),
    [
        ("order", r"Results differ with its rows in order \(left\) and from the last to the first"),
        ("engine", r"Results differ on engine 'cpu' \(left\) and on 'pandas' \(right\)"),
    ],
)
def test_stages_that_break_it(way: str, match: str) -> None:
    with pytest.raises(AssertionError, match=match):
        check_task(Wrong(way), ROWS)


def test_a_table_is_held_to_its_plan_in_every_run() -> None:
    with pytest.raises(StageError, match=r"Wrong promised the columns \{'y': Float32\}, but made \{'y': Float64\}"):
        check_task(Wrong("dtype"), ROWS)


def test_what_cannot_be_kept_is_told() -> None:
    with pytest.raises(AssertionError, match="is not kept in checkpoints: .*cannot be saved without pickle"):
        check_task(Nothing(), ROWS)
