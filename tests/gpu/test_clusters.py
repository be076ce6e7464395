"""Engine `dask-cuda`: two workers that share one GPU shard tables as two GPUs would; a local cluster has one worker a GPU."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge
from xgboost import XGBClassifier

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import CrossingError
from gpupipe.engines._cuda import why_not
from gpupipe.testing.compare import assert_same_rows

N = 200_000
RANDOM = np.random.default_rng(3)
ROWS = pl.DataFrame({"k": RANDOM.integers(0, 5000, N), "x": RANDOM.normal(size=N), "s": RANDOM.choice(["a", "é", "cc"], N)})
ROWS = ROWS.with_columns(label=(pl.col("x") > 0).cast(pl.Int64), y=pl.col("x") * 2 + 1)
NAMES = pl.DataFrame({"k": np.arange(5000), "name": [f"n{number % 7}" for number in range(5000)]})
SMALL_BLOCKS = EngineOptions(block_bytes=1 << 20, broadcast_bytes=0)

pytestmark = pytest.mark.skipif(why_not(on_cluster=True) is not None, reason="needs dask_cuda and dask_cudf")


@pytest.fixture(autouse=True)
def shared(two_workers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have runs that name no cluster use two workers on the first GPU."""
    monkeypatch.setenv("GPUPIPE_CLUSTER", two_workers)
    monkeypatch.setattr("gpupipe.engines.dask.reading.LEAST_ROWS", 1)


def ran(node: Any, engine: str, options: EngineOptions = SMALL_BLOCKS) -> Any:
    """Return the result of a pipeline of one output."""
    return gp.Pipeline("p", out=node).run(engine, options=options if engine == "dask-cuda" else None)


@pytest.mark.parametrize(
    "stage",
    [
        gp.Join("k"),
        lambda rows, names: gp.GroupBy("k", n=nw.len(), total=nw.col("x").sum())(rows),
        lambda rows, names: gp.GroupBy("s", k=nw.col("k").n_unique())(rows),
    ],
    ids=["join", "group", "shuffle"],
)
def test_rows_are_those_of_the_host(stage: Any) -> None:
    made = [ran(stage(gp.FromFrame(ROWS).node(), gp.FromFrame(NAMES).node()), engine)["out"] for engine in ("dask-cuda", "cpu")]
    assert_same_rows(made[0].to_polars(), made[1].to_polars(), rtol=1e-9)


def test_sorted_rows_are_in_order() -> None:
    made = ran(gp.SortRows("x")(gp.FromFrame(ROWS).node()), "dask-cuda")["out"].to_polars()
    assert made["x"].is_sorted()
    assert len(made) == N


def test_workers_tell_what_crossed_and_hold_the_budget() -> None:
    sink = gp.GroupBy("k", total=nw.col("x").sum())(gp.FromFrame(ROWS).node())
    made = ran(sink, "dask-cuda", EngineOptions(block_bytes=1 << 20, crossings="raise", crossings_budget=1_000_000))
    events = made.report["crossings"]["events"]
    assert sum(event["bytes"] for event in events if event["direction"] == "host_to_device" and event["at_end"]) > 8 * N
    tight = EngineOptions(block_bytes=1 << 20, crossings="raise", crossings_budget=0)
    encoded = gp.EncodeCategory("s").fit(gp.FromFrame(ROWS).node())(gp.FromFrame(ROWS).node())
    with pytest.raises(CrossingError, match="Expected at most 0 bytes"):
        ran(encoded, "dask-cuda", tight)


@pytest.mark.parametrize(("estimator", "target"), [(XGBClassifier(n_estimators=10), "label"), (Ridge(), "y")], ids=["xgboost", "ridge"])
def test_workers_that_share_a_device_train_on_one_of_them(estimator: Any, target: str) -> None:
    table = gp.FromFrame(ROWS).node()
    made = ran(gp.Learn(estimator, target=target, features=["x"]).fit(table)(table), "dask-cuda")
    assert (made["out"].to_polars()["prediction"] - ROWS[target]).abs().mean() < 0.05
    assert any("NCCL takes one process a GPU" in entry["reason"] for entry in made.report["fallbacks"])


LOCAL = """
import numpy as np, polars as pl, gpupipe as gp
from sklearn.linear_model import Ridge
from xgboost import XGBRegressor
from gpupipe.core.engine import EngineOptions
if __name__ == "__main__":
    x, z = np.random.default_rng(0).normal(size=(2, 100_000))
    table = gp.FromFrame(pl.DataFrame({"x": x, "z": z, "y": 2 * x + 1})).node()
    for estimator in (XGBRegressor(n_estimators=50), Ridge(alpha=1e-3)):
        model = gp.Learn(estimator, target="y", features=["x", "z"]).fit(table)
        options = EngineOptions(block_bytes=1 << 18)
        made = gp.Pipeline("p", out=model(table)).run("dask-cuda", cluster="local", options=options)
        found = made["out"].to_polars()
        assert (found["prediction"] - found["y"]).abs().mean() < 0.1, estimator
        assert not made.report["fallbacks"], made.report["fallbacks"]
    print("ok")
"""


def test_a_local_cluster_trains_on_all_devices(tmp_path: Any) -> None:
    file = tmp_path / "flow.py"
    file.write_text(LOCAL)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().endswith("ok")
