"""First rounds of simulations: one row of each class, by chance, the same on every engine and for any cut."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.active.scorers import random_order
from gpupipe.core.errors import ColumnError, StageError, UsageError
from gpupipe.testing.tasks import check_task

POOL = pl.DataFrame({"id": [f"e{number}" for number in range(80)], "kind": ["often"] * 60 + ["seldom"] * 18 + ["once", None]})


def test_law_and_numbers() -> None:
    made = check_task(gp.SeedRound(6, classes="kind", keep=["kind"]), POOL)
    rows = pl.from_arrow(made.to_arrow()).sort("rank")
    assert len(rows) == 6 and set(rows["kind"].to_list()[:4]) == {"often", "seldom", "once", None}
    order = POOL["id"].to_numpy()[np.argsort(random_order(POOL["id"].to_arrow()))].tolist()
    kinds = dict(POOL.rows())
    first = [next(one for one in order if kinds[one] == kind) for kind in set(kinds.values())]
    rest = [one for one in order if one not in first]
    assert rows["id"].to_list() == [*sorted(first, key=order.index), *rest][:6]


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(StageError, match="a budget of 3 rows or more, a row for each class of 'kind', got 2"):
        gp.SeedRound(2, classes="kind").apply(POOL)
    with pytest.raises(UsageError, match="a budget of 1 row or more, got 0"):
        gp.SeedRound(0, classes="kind")
    with pytest.raises(ColumnError, match="'kinds'"):
        gp.Pipeline("p", made=gp.SeedRound(9, classes="kinds")(gp.FromFrame(POOL).node())).check()
    with pytest.raises(StageError, match="an id in each row"):
        gp.SeedRound(9, classes="kind").apply(POOL.with_columns(id=pl.lit(None, pl.String)))
