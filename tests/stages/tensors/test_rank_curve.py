"""How many components: the stage, against TensorLy's errors, and the published number of the amino acids."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, PlanError, UsageError
from gpupipe.stages.tensors.rank_curve import FittedRankCurve
from gpupipe.testing.tasks import check_task

DIMS = ["sensor", "day", "hour"]
ARRAY = np.random.default_rng(0).normal(size=(4, 5, 3))
Rows = Callable[..., pl.DataFrame]


@pytest.mark.parametrize("gaps", [0, 3])
def test_law(gaps: int, engine: str, long_table: Rows) -> None:
    made = check_task(
        lambda table: gp.RankCurve(range(1, 4)).fit(gp.ToTensor(DIMS, "x")(table)).curve(),
        long_table(ARRAY).slice(gaps),
        engines=("cpu", engine),
        rtol=1e-9,
    )
    assert made["rank"].to_list() == [1, 2, 3]
    assert made["error"].to_list() == sorted(made["error"].to_list(), reverse=True)
    assert made["core_consistency"].null_count() == (3 if gaps else 0)


def test_amino_acids_have_three_components(shared_data: Path, engine: str) -> None:
    folder = shared_data / "tensors"
    held = np.load(folder / "amino_acid_fluorescence.npz")["X"].astype(float)
    known = json.loads((folder / "reference_shared.json").read_text())["amino_acid_fluorescence"]["cp_als"]
    names = ["sample", "emission", "excitation"]
    rows = pl.DataFrame({**{name: at.ravel() for name, at in zip(names, np.indices(held.shape), strict=True)}, "x": held.ravel()})
    fitted = gp.RankCurve(range(1, 5)).fit(gp.ToTensor(names, "x")(gp.FromFrame(rows).node()))
    result = gp.Pipeline("ranks", made=fitted, curve=fitted.curve()).run(engine)
    errors = result["curve"].sort("rank")["error"].to_list()
    for rank, error in enumerate(errors, start=1):
        wanted = known[str(rank)]["best_relative_error"]
        assert error == pytest.approx(wanted, rel=1e-5) if rank < 4 else error <= wanted  # rank 4 has several minima
    told = result["curve"].sort("rank")["core_consistency"].to_list()
    assert min(told[:3]) > 90  # and one more component is one too many
    assert told[3] < 50
    (card,) = result.report["cards"]
    assert [part["y"] for part in card["parts"]] == ["relative error", "core consistency"]
    assert card["parts"][0]["curves"][0]["x"] == [1, 2, 3, 4]


def test_what_is_refused(long_table: Rows) -> None:
    for ranks in ([], [0, 1], [2, 2], [1.5]):
        with pytest.raises(UsageError, match="different whole numbers from 1 on"):
            gp.RankCurve(ranks)
    assert gp.RankCurve(np.arange(1, 3)).ranks == (1, 2)
    sparse = gp.ToTensor(DIMS, "x", sparse=True)(gp.FromFrame(long_table(ARRAY)).node())
    with pytest.raises(PlanError, match="got a sparse one"):
        gp.Pipeline("sparse", made=gp.RankCurve([1]).fit(sparse)).check()
    with pytest.raises(ArtefactError, match="of 2 ranks"):
        FittedRankCurve((1, 2), (0.5,), (None,)).check()
