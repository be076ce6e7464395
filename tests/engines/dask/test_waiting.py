"""A graph that the scheduler could not write out is asked for again; what a task raises is not."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from dask.dataframe import from_pandas
from dask.dataframe.dask_expr._reductions import TreeReduce
from distributed import Client

from gpupipe.core.errors import StageError
from gpupipe.engines.dask.waiting import Waiter


class _Collected(weakref.WeakValueDictionary[str, Any]):
    """Says so many times that an expression is there, and has it no more when it is taken: it was collected in between."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0
        self.in_scheduler = False

    def __contains__(self, key: object) -> bool:
        if self.times and self.in_scheduler == (threading.current_thread() is not threading.main_thread()):
            self.times -= 1
            return True
        return super().__contains__(key)


@pytest.fixture
def client(two_workers: str) -> Iterator[Client]:
    """Return a client whose cluster's scheduler is in this process."""
    with Client(two_workers, set_as_default=False) as found:
        yield found


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> _Collected:
    """Return the expressions of reductions, which the scheduler may be made to lose."""
    found = _Collected()
    monkeypatch.setattr(TreeReduce, "_instances", found, raising=False)
    return found


@pytest.mark.parametrize("in_scheduler", [False, True])
def test_a_graph_is_asked_for_again_where_an_expression_was_lost(client: Client, collected: _Collected, *, in_scheduler: bool) -> None:
    collected.times, collected.in_scheduler = 2, in_scheduler
    (brought,) = Waiter(client).brought([_reduced(_total)])
    assert collected.times == 0
    assert brought["x"].tolist() == [499500]


def test_a_graph_that_never_comes_is_an_error(client: Client, collected: _Collected) -> None:
    collected.times, collected.in_scheduler = 1_000, True
    with pytest.raises(StageError, match="deserialization"):
        Waiter(client).held([_reduced(_total)])


def test_a_graph_whose_task_raises_a_key_error_is_asked_for_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    persist: Any = client.persist

    def count(frames: list[Any]) -> Any:
        asked.append(frames)
        return persist(frames)

    monkeypatch.setattr(client, "persist", count)
    with pytest.raises(StageError, match="mine"):
        Waiter(client).held([_reduced(_broken)])
    assert len(asked) == 1


def _reduced(function: Any) -> Any:
    """Return a reduction in several steps over a frame of a thousand numbers."""
    frame = from_pandas(pd.DataFrame({"x": range(1000)}), npartitions=8)
    return frame.reduction(function, aggregate=function, meta={"x": "int64"}, split_every=2)


def _total(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sum().to_frame().T


def _broken(frame: pd.DataFrame) -> pd.DataFrame:
    raise KeyError("mine")
