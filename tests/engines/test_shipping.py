"""What is sent to workers, and what cannot be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest
from sklearn.preprocessing import FunctionTransformer

import gpupipe as gp
from gpupipe.core.errors import UsageError
from gpupipe.engines._shipping import dumps, ship

LOCK = threading.Lock()
HELD = {"quiet": 1, "loud": [threading.Lock()]}


def guarded(frame: Any) -> Any:
    with LOCK:
        return frame


def guarded_within(frame: Any) -> Any:
    def inner() -> Any:
        return LOCK

    return inner() and frame


def helped(frame: Any) -> Any:
    return guarded(frame)


def with_default(frame: Any, *, lock: Any = HELD) -> Any:
    return lock and frame


def enclosing() -> Callable[[Any], Any]:
    lock = threading.RLock()
    return lambda frame: lock and frame


@pytest.mark.parametrize(
    ("function", "where"),
    [
        (guarded, "the variable 'LOCK' of guarded is a lock"),
        (guarded_within, "the variable 'LOCK' of guarded_within is a lock"),
        (helped, "the variable 'LOCK' of guarded is a lock"),
        (with_default, "an item of the entry 'loud' of the variable 'lock' of with_default is a lock"),
        (enclosing(), "the variable 'lock' of <lambda> is a RLock"),
        (
            FunctionTransformer(print, kw_args=HELD),
            "an item of the entry 'loud' of the attribute 'kw_args' of FunctionTransformer is a lock",
        ),
    ],
)
def test_what_cannot_be_sent_is_named(function: Any, where: str) -> None:
    with pytest.raises(UsageError, match=f"^Expected what can be sent to workers, but {where}: cannot pickle .* Make it where it is used"):
        dumps(function)


def test_what_can_be_sent_comes_back() -> None:
    held = 3
    assert ship(lambda number: number + held, "added")(4) == 7


def test_a_captured_lock_is_named_with_the_stage_that_holds_it(two_workers: str) -> None:
    table = gp.FromArrow(pa.table({"x": [1.0]})).node()
    with pytest.raises(UsageError, match="the variable 'LOCK' of guarded is a lock") as caught:
        gp.Pipeline("p", out=gp.rows(guarded)(table)).run("dask", cluster=two_workers)
    assert "In stage guarded on engine 'dask'" in "".join(caught.value.__notes__)
    assert gp.Pipeline("p", out=gp.rows(guarded)(table) >> gp.Select(nw.col("x"))).run("cpu")["out"]["x"].to_list() == [1.0]
