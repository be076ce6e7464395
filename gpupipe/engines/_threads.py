"""Threads of a worker's process: Polars there has as many as the worker gives to tasks, so that workers side by side do not fight.

Polars counts its threads once, when it is loaded. So the number is set before anything loads it: whatever comes to a worker, a callable
or a block, is made by way of this module, which loads nothing.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask

VARIABLE = "POLARS_MAX_THREADS"


def settle_threads() -> None:
    """Give Polars the number of threads of the worker that this process is, unless it is loaded or the variable is set."""
    if VARIABLE in os.environ or "polars" in sys.modules or "distributed.worker" not in sys.modules:
        return
    workers = list(sys.modules["distributed.worker"].Worker._instances)  # a block may come before the first task, from another worker
    if len(workers) == 1:
        os.environ[VARIABLE] = str(workers[0].state.nthreads)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Have Dask's nannies, those of this process, start workers whose Polars has one thread, be it loaded by the user's own script."""
    before = os.environ.get(VARIABLE)
    with dask.config.set({f"distributed.nanny.pre-spawn-environ.{VARIABLE}": 1}):
        try:
            yield
        finally:  # a nanny sets it in its own process, which is this one
            if before is None:
                os.environ.pop(VARIABLE, None)


def remade(address: str, *given: Any) -> Any:
    """Return what the function at an address, such as ``"module:function"``, makes; its module may load Polars."""
    settle_threads()
    module, _, name = address.partition(":")
    return getattr(importlib.import_module(module), name)(*given)
