"""A worker's peers in a training may fail before the scheduler knows that it is gone: that is a lost worker, and nothing else is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import distributed
import pandas as pd
import pytest
from xgboost.core import XGBoostError

from gpupipe.core.task import Training
from gpupipe.engines._block_engine import TARGET
from gpupipe.engines.dask import boosting
from gpupipe.engines.dask.boosting import LostWorkerError, is_collective
from tests.clusters import Servers
from tests.engines.dask.faults.conftest import BARE
from tests.engines.dask.faults.running import kill, wait_for_workers, workers_of

# As XGBoost 3 said it in a training of two processes of which one was killed.
FAILED = """[20:19:19] /workspace/src/collective/result.cc:83: [coll_c_api.cc:38|20:19:19]:

- [allreduce.cc:135|20:19:19]: Ring Allreduce failed.
- [allreduce.cc:101|20:19:19]: Ring scatter reduce failed, current iteration:0
- [loop.cc:101|20:19:19]: Encountered EOF. The other end is likely closed.
- [socket.h:348|20:19:19]: Socket error. Broken pipe
Stack trace:
  [bt] (0) lib/libxgboost.so(+0x11031e) [0x7ff2e471031e]
"""


@dataclass
class Ending:
    """An estimator whose training ends with an error, after something has happened."""

    error: Exception
    meanwhile: Callable[[], object] = lambda: None
    client: Any = None

    async def fit(self, *data: Any, **options: Any) -> None:
        self.meanwhile()
        raise self.error


def train(servers: Servers, estimator: Ending) -> None:
    """Train on all workers."""
    recipe = Training(estimator, ("x",), "y", None)
    with distributed.Client(servers.address) as client:
        client.sync(boosting._trained, client, estimator, recipe, [pd.DataFrame({"x": [1.0], TARGET: [1.0]})])


def test_a_failed_collective_is_a_lost_worker_once_the_scheduler_has_lost_one(start: Callable[..., Servers]) -> None:
    servers = start(2, *BARE)
    wait_for_workers(servers.address, 2)
    later = threading.Timer(1.5, kill, [next(iter(workers_of(servers.address)))])
    with pytest.raises(LostWorkerError):
        train(servers, Ending(XGBoostError(FAILED), later.start))
    later.join()
    assert len(workers_of(servers.address)) == 1


def test_a_failed_collective_is_itself_where_every_worker_stays(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "_GRACE_SECONDS", 1.0)
    with pytest.raises(XGBoostError, match=r"Ring Allreduce failed"):
        train(servers, Ending(XGBoostError(FAILED)))


def test_other_errors_are_not_waited_with(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "_GRACE_SECONDS", 3600.0)
    error = XGBoostError("[12:00:00] /workspace/src/data/data.cc:1: Check failed: contains `inf`\nStack trace:\n  /collective/a.cc:1: ")
    assert not is_collective(error)
    with pytest.raises(XGBoostError, match=r"contains `inf`"):
        train(servers, Ending(error))
