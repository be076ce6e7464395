"""Labels of the rows an estimator is fitted to: those of scikit-learn, on every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.linear_model import Ridge
from sklearn.metrics import adjusted_rand_score

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError
from gpupipe.testing.compare import assert_same_rows

RANDOM = np.random.default_rng(5)
CENTERS = RANDOM.normal(scale=20, size=(5, 3))
FEATURES = np.concatenate([CENTERS[number % 5] + RANDOM.normal(size=(1, 3)) for number in range(600)])
ROWS = pl.DataFrame(FEATURES, schema=["x", "y", "z"]).with_columns(row=pl.int_range(600), word=pl.lit("w"))
NAMES = ["x", "y", "z"]
ON_HOST = EngineOptions(fallbacks="host")


@pytest.mark.parametrize("estimator", [DBSCAN(3.0), HDBSCAN(copy=True), AgglomerativeClustering(5), KMeans(5, n_init=3, random_state=0)])
def test_labels_are_those_of_the_estimator(engine: str, estimator: Any) -> None:
    made = gp.Pipeline("p", out=gp.FitPredict(estimator, features=NAMES)(gp.FromFrame(ROWS).node())).run(engine, options=ON_HOST)
    frame = made["out"].to_polars().sort("row")
    assert frame.columns == [*ROWS.columns, "cluster"]
    assert frame.schema["cluster"] == pl.Int32
    assert_same_rows(frame.drop("cluster"), ROWS)
    expected = type(estimator)(**estimator.get_params()).fit_predict(FEATURES)
    assert len(set(expected)) > 2
    assert adjusted_rand_score(frame["cluster"].to_numpy(), expected) > 0.99
    assert not hasattr(estimator, "labels_"), "the estimator that was given has learned nothing"


def test_all_rows_are_seen_at_once_however_many_there_are(engine: str) -> None:
    many = pl.DataFrame({"x": np.repeat(np.arange(4.0) * 1000, 70_000)})
    seen = gp.FitPredict(_Counts())(gp.FromFrame(many).node())
    made = gp.Pipeline("p", out=seen).run(engine, options=ON_HOST)["out"].to_polars()
    assert made["cluster"].unique().to_list() == [280_000]


def test_plans_and_empty_tables(engine: str) -> None:
    node = gp.FitPredict(DBSCAN(3.0), features=NAMES)(gp.FromFrame(ROWS).node() >> gp.Filter(gp_false()))
    made = gp.Pipeline("p", out=node).run(engine)["out"].to_polars()
    assert made.schema == {**ROWS.schema, "cluster": pl.Int32}
    assert len(made) == 0


def gp_false() -> Any:
    """Return a condition that no row meets."""
    import narwhals.stable.v2 as nw  # local: this one test's

    return nw.col("row") < 0


class _Counts(KMeans):  # type: ignore[misc]
    """Says of each row how many there are."""

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:  # noqa: N803  (scikit-learn's name)
        return np.full(len(X), len(X))


def test_what_is_wrong_is_said_when_it_is_wired() -> None:
    with pytest.raises(
        UsageError, match=r"FitPredict expects an unfitted estimator with fit_predict and get_params, such as DBSCAN\(\), got Ridge"
    ):
        gp.FitPredict(Ridge())
    with pytest.raises(UsageError, match=r"got the class DBSCAN\. Make one of it: DBSCAN\(\)\.$"):
        gp.FitPredict(DBSCAN)
    table = gp.FromFrame(ROWS).node()
    with pytest.raises(ColumnError, match="no column 'xx'"):
        gp.Pipeline("p", out=gp.FitPredict(DBSCAN(), features=["xx"])(table)).check()
    with pytest.raises(DtypeError, match=r"got String in column .word."):
        gp.Pipeline("p", out=gp.FitPredict(DBSCAN())(table)).check()
    with pytest.raises(ColumnError, match=r"makes the column 'cluster', and the table has one already\. Rename that first"):
        gp.Pipeline("p", out=gp.FitPredict(DBSCAN(), features=NAMES)(table >> gp.WithColumns(cluster=1))).check()


def test_what_the_estimator_refuses_names_the_stage(engine: str) -> None:
    gaps = ROWS.with_columns(x=pl.when(pl.col("row") > 5).then("x"))
    node = gp.FitPredict(AgglomerativeClustering(2), features=NAMES)(gp.FromFrame(gaps).node())
    with pytest.raises(StageError, match="NaN") as caught:
        gp.Pipeline("p", out=node).run(engine, options=ON_HOST)
    assert "FitPredict(AgglomerativeClustering)" in "".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
