"""An engine's own way of doing a task: the function `solve` of the module with the task's name, in one of the engine's packages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.holding import Holding
from gpupipe.core.tools import Tools


@cache
def own_way(packages: Sequence[str], task: str) -> Callable[..., Any] | None:
    """Return the function ``solve(engine, task, inputs, progress)`` of the first package that has a module of the task's name.

    Examples
    --------
    >>> own_way(("gpupipe.engines._tasks",), "training").__module__, own_way(("gpupipe.engines._tasks",), "moments")
    ('gpupipe.engines._tasks.training', None)
    """
    for package in packages:
        name = f"{package}.{task}"
        if find_spec(name) is not None:
            found: Callable[..., Any] = importlib.import_module(name).solve
            return found
    return None


def adopted(data: Any, tools: Tools) -> Any:
    """Return one of a task's inputs as its array code takes it: a table eager, what else is held in the engine's own arrays."""
    if isinstance(data, nw.LazyFrame):
        return data.collect()
    return data.adopted(tools) if isinstance(data, Holding) else data
