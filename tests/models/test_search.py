"""Search: the same trials, scores and best parameters as scikit-learn's on the same folds, on data that is prepared once."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, ParameterGrid, PredefinedSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gpupipe as gp
from gpupipe.core.errors import ColumnError, UsageError, WiringError
from gpupipe.models._space import Grid, Random

CHANCE = np.random.default_rng(0)
FRAME = pl.DataFrame({"a": CHANCE.normal(3, 2, 200), "b": CHANCE.normal(size=200)}).with_columns(
    fold=pl.Series(CHANCE.integers(0, 3, 200)),
    y=pl.col("a") + CHANCE.normal(size=200),
    label=pl.Series(np.array(["no", "yes"])[CHANCE.integers(0, 2, 200)]),
)
FOLDS = gp.Folds(3, column="fold")
SPACE = {"alpha": [100.0, 0.01], "fit_intercept": [True, False]}


def prepare(train: gp.Table, test: gp.Table) -> tuple[gp.Table, gp.Table]:
    scaler = gp.Standardize(["a", "b"]).fit(train)
    return scaler(train), scaler(test)


def ridge(**options: Any) -> gp.Fitted:
    given = {"target": "y", "features": ["a", "b"], "metric": "mse", "folds": FOLDS, "prepare": prepare, **options}
    return gp.Search(Ridge(), given.pop("space", SPACE), **given).fit(gp.FromFrame(FRAME).node())


@pytest.fixture(scope="module")
def expected() -> GridSearchCV:
    grid = {f"ridge__{name}": values for name, values in SPACE.items()}
    searched = GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()), grid, cv=PredefinedSplit(FRAME["fold"].to_numpy()), scoring="neg_mean_squared_error"
    )
    return searched.fit(FRAME.select("a", "b").to_numpy(), FRAME["y"].to_numpy())


def test_a_grid_is_scikit_learns_grid_search(engine: str, expected: GridSearchCV) -> None:
    search = ridge()
    train, test = prepare(*gp.Split((0.5, 0.5))(gp.FromFrame(FRAME).node()))
    model = search.model(train)
    rmse = gp.Evaluate("rmse", target="y")(model.predict(test))
    made = gp.Pipeline("p", search=search, trials=search.trials(), model=model, rmse=rmse).run(engine)
    order = np.argsort(-expected.cv_results_["mean_test_score"], kind="stable")
    assert {f"ridge__{name}": value for name, value in made["search"].best.items()} == expected.best_params_
    assert made["trials"]["score"].to_list() == pytest.approx((-expected.cv_results_["mean_test_score"][order]).tolist(), rel=1e-7)
    assert made["trials"]["score_std"].to_list() == pytest.approx(expected.cv_results_["std_test_score"][order].tolist(), rel=1e-6)
    assert made["trials"]["score_1"].to_list() == pytest.approx((-expected.cv_results_["split1_test_score"][order]).tolist(), rel=1e-7)
    assert made["trials"]["param_alpha"].to_list() == [float(expected.cv_results_["params"][at]["ridge__alpha"]) for at in order]
    assert made["model"].model.get_params()["alpha"] == made["search"].best["alpha"]
    assert 0 < made["rmse"]["rmse"] < 2


def test_text_labels_and_probabilities(engine: str) -> None:
    searching = gp.Search(
        KNeighborsClassifier(), {"n_neighbors": [3, 15]}, target="label", features=["a", "b"], metric="log_loss", folds=FOLDS
    )
    search = searching.fit(gp.FromFrame(FRAME).node())
    made = gp.Pipeline("p", search=search).run(engine)["search"]
    searched = GridSearchCV(
        KNeighborsClassifier(), {"n_neighbors": [3, 15]}, cv=PredefinedSplit(FRAME["fold"].to_numpy()), scoring="neg_log_loss"
    )
    searched.fit(FRAME.select("a", "b").to_numpy(), FRAME["label"].to_numpy())
    assert made.score == pytest.approx(-searched.best_score_)
    assert made.best == searched.best_params_


def test_twenty_trials_read_and_prepare_the_data_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, int] = {"prepared": 0, "fitted": 0}

    @gp.whole_table
    def counted(frame: Any) -> Any:
        rows = frame.collect()
        seen["prepared"] += len(rows) > 0
        return rows.lazy()

    finish = gp.Standardize.finish
    monkeypatch.setattr(gp.Standardize, "finish", lambda self, found: (seen.update(fitted=seen["fitted"] + 1), finish(self, found))[1])
    given = {"space": {"alpha": (1e-3, 1e3, "log")}, "method": "random", "n_trials": 20}
    search = gp.Search(Ridge(), given.pop("space"), target="y", features=["a", "b"], metric="mse", folds=FOLDS, prepare=prepare, **given)  # type: ignore[arg-type]
    pipeline = gp.Pipeline("p", search=search.fit(counted(gp.FromFrame(FRAME).node())))
    pipeline.plan()
    seen.update(prepared=0, fitted=0)
    result = pipeline.run("pandas")
    assert result["search"].scores.shape == (20, 3)
    assert seen["prepared"] == 1
    assert seen["fitted"] <= 2 * 3  # once a fold in the plan, on empty tables, and once a fold in the run
    assert [stage["name"] for stage in result.report["stages"]].count("Standardize") == 3


def test_a_grid_has_scikit_learns_order() -> None:
    grid = {"b": [1, 2], "a": ["x", "y"], "c": [None]}
    assert list(Grid(grid).trials()) == list(ParameterGrid(grid))


def test_random_draws_lie_in_their_ranges_and_repeat() -> None:
    space = {
        "n": (1, 5),
        "x": (0.0, 1.0),
        "eta": (1e-4, 1.0, "log"),
        "m": (1, 64, "log"),
        "kind": ["a", None],
        "d": scipy.stats.randint(3, 6),
    }
    drawn = list(Random(space, 400, 7).trials())
    assert drawn == list(Random(space, 400, 7).trials()) != list(Random(space, 400, 8).trials())
    assert {one["n"] for one in drawn} == {1, 2, 3, 4, 5}
    assert {one["kind"] for one in drawn} == {"a", None}
    assert {one["d"] for one in drawn} == {3, 4, 5}
    assert {one["m"] for one in drawn} >= {1, 2, 64} - {64} and max(one["m"] for one in drawn) <= 64
    small = sum(one["eta"] < 1e-2 for one in drawn) / 400
    assert 0.4 < small < 0.6  # half of the orders of magnitude
    assert 0.4 < sum(one["x"] < 0.5 for one in drawn) / 400 < 0.6


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="Optuna is not installed")
def test_optuna_chooses_by_what_it_was_told() -> None:
    space = {"alpha": (1e-3, 1e4, "log"), "fit_intercept": [True, False]}
    made = [gp.Pipeline("p", search=ridge(space=space, method="optuna", n_trials=25, seed=seed)).run("cpu")["search"] for seed in (1, 1)]
    assert made[0].parameters == made[1].parameters
    assert made[0].best["fit_intercept"] is True
    assert made[0].score <= made[0].scores.mean(axis=1)[:10].min()
    late = [dict(one)["fit_intercept"] for one in made[0].parameters[12:]]
    assert sum(late) > len(late) / 2  # chance alone would give half


def test_a_search_is_saved_kept_and_shown(tmp_path: Path) -> None:
    search = ridge()
    pipeline = gp.Pipeline("p", search=search, model=search.model(gp.FromFrame(FRAME).node()))
    first = pipeline.run("cpu", checkpoints=str(tmp_path / "kept"), resume=True)
    again = pipeline.run("cpu", checkpoints=str(tmp_path / "kept"), resume=True)
    assert {stage["name"]: stage["checkpoint"] for stage in again.report["stages"]}["Search(Ridge)"] == "taken"
    loaded = gp.load(gp.save(first["search"], tmp_path / "search"))
    assert (loaded.best, loaded.score, loaded.parameters) == (again["search"].best, again["search"].score, first["search"].parameters)
    (card,) = [one for one in first.report["cards"] if one["title"] == "Search"]
    assert card["parts"][0]["columns"] == ["alpha", "fit_intercept", "mse"]


def test_weights_count() -> None:
    rows = gp.FromFrame(FRAME.with_columns(w=pl.lit(1.0), v=pl.int_range(pl.len()) % 5 + 1)).node()
    options: Any = {"target": "y", "features": ["a", "b"], "metric": "mse", "folds": FOLDS}
    made = [
        gp.Pipeline("p", s=gp.Search(Ridge(), {"alpha": [1.0]}, **options, **more).fit(rows)).run("cpu")["s"].score
        for more in ({}, {"weight": "w"}, {"weight": "v"})
    ]
    assert made[0] == pytest.approx(made[1])
    assert made[0] != pytest.approx(made[2])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"space": {"alpa": [1]}}, "Ridge has no parameter 'alpa'. Did you mean 'alpha'"),
        ({"space": {"alpha": (1, 2)}}, "A grid has lists of choices"),
        ({"space": {"alpha": (2, 1)}, "method": "random"}, "expects for 'alpha' a list of choices"),
        ({"space": {}}, "a mapping from parameters"),
        ({"method": "bayes"}, "method 'grid', 'random' or 'optuna'"),
        ({"metric": ["mse", "r2"]}, "expects one metric"),
        ({"folds": 3}, "expects folds, such as"),
        ({"space": {"alpha": scipy.stats.uniform()}, "method": "optuna"}, "Optuna takes lists"),
    ],
)
def test_wrong_calls(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ridge(**options)


def test_wrong_wiring_is_said() -> None:
    rows, search = gp.FromFrame(FRAME).node(), ridge()
    with pytest.raises(WiringError, match="train the best estimator first"):
        search.predict(rows)
    with pytest.raises(WiringError, match=r"search\.model takes the table to train on"):
        search.model()
    with pytest.raises(WiringError, match="return the training and the test table"):
        ridge(prepare=lambda train, test: train)
    with pytest.raises(ColumnError, match="There is no column 'c'"):
        gp.Pipeline("p", search=ridge(features=["a", "c"])).check()
    with pytest.raises(ColumnError):
        gp.Pipeline("p", search=ridge(prepare=lambda train, test: (train, gp.Drop("y")(test)))).check()
