"""Tensors in slabs on a cluster: moments of slabs merge, everything else brings them together, within a budget."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import StageError, UsageError

on_blocks = pytest.mark.parametrize("engine", ["dask"], indirect=True)
CHANCE = np.random.default_rng(2)
CELLS = [(day, f"s{sensor}", float(CHANCE.normal(sensor, 1 + sensor))) for day in range(40) for sensor in range(4)]
ROWS = pl.DataFrame(CELLS, schema=["day", "sensor", "x"], orient="row").sample(fraction=1.0, shuffle=True, seed=0)
WIDE = ROWS.pivot("sensor", index="day", values="x").sort("day").select("s0", "s1", "s2", "s3").to_numpy()


def run(engine: str, build: Any, table: pl.DataFrame = ROWS, **options: Any) -> Any:
    """Return what is made of the tensor of a table, cut along the day, with the report."""
    tensor = gp.ToTensor(["day", "sensor"], "x", cut="day")(gp.FromFrame(table).node())
    made = EngineOptions(**options) if options else None
    return gp.Pipeline("cut", tensor=tensor, made=build(tensor)).run(engine, options=made)


def facts(result: Any, name: str) -> dict[str, Any]:
    """Return what the report says of a stage."""
    (found,) = [stage["facts"] for stage in result.report["stages"] if stage["name"] == name]
    return dict(found)


@on_blocks
@pytest.mark.parametrize(("which", "order"), [("raw", 3), ("central", 2), ("cumulant", 4)])
def test_moments_of_slabs_merge(engine: str, which: Any, order: int) -> None:
    stage = gp.Moments(order, along="day", which=which, bias=which != "cumulant")
    whole, made = (run(name, stage) for name in ("cpu", engine))
    assert facts(made, "Moments")["blocks"] > 1 and facts(made, "ToTensor")["cut along"] == "day"
    np.testing.assert_allclose(made["made"].values, whole["made"].values, rtol=1e-10, atol=1e-10)
    assert made["made"].dims == whole["made"].dims and made["made"].value == "x"
    if which == "central":
        np.testing.assert_allclose(made["made"].values, np.cov(WIDE.T, bias=True), rtol=1e-10)
    np.testing.assert_array_equal(made["tensor"].values, whole["tensor"].values)  # brought home as one
    assert made["tensor"].labels[0]["day"].to_list() == list(range(40))


@on_blocks
def test_what_takes_all_of_it_gets_it_on_one_worker_within_its_budget(engine: str) -> None:
    holes = ROWS.filter(~((pl.col("day") == 3) & (pl.col("sensor") == "s1")))
    for stage in (gp.CP(2), gp.Moments(1, along="sensor")):
        table = ROWS if isinstance(stage, gp.Moments) else holes
        whole, made = (run(name, stage.fit if isinstance(stage, gp.CP) else stage, table)["made"] for name in ("cpu", engine))
        if isinstance(stage, gp.Moments):
            np.testing.assert_allclose(made.values, whole.values, rtol=1e-12)
        else:
            assert made.describe()["facts"] == whole.describe()["facts"]
    back = gp.FromTensor()
    whole, made = (pl.from_arrow(run(name, back, holes)["made"].to_arrow()).sort("day", "sensor") for name in ("cpu", engine))
    assert made.equals(whole)
    with pytest.raises(StageError, match=r"CP must have all of it on one worker: it needs [\d,]+ bytes, and there are 100\. Filter"):
        run(engine, gp.CP(2).fit, gather_bytes=100)


@on_blocks
def test_what_is_refused(engine: str) -> None:
    with pytest.raises(StageError, match="one row for each cell, got 1 more"):
        run(engine, gp.Moments(1, along="day"), pl.concat([ROWS, ROWS.head(1)]))
    with pytest.raises(StageError, match="tensor without missing cells, got 1 of"):
        run(engine, gp.Moments(1, along="day"), ROWS.head(159))
    for wrong in ({"cut": "x"}, {"cut": "day", "sparse": True}, {"cut": "day", "duplicates": "last"}, {"cut": "day", "every": {"day": 1}}):
        with pytest.raises(UsageError, match="ToTensor expects one of its dimensions"):
            gp.ToTensor(["day", "sensor"], "x", **wrong)  # type: ignore[arg-type]
