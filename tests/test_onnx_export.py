"""Models as ONNX files: onnxruntime answers as the model does, or nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, ColumnError, UsageError
from gpupipe.onnx_export import checked_rows

CHANCE = np.random.default_rng(0)
N = 240
A, B = CHANCE.normal(size=N).round(2), CHANCE.normal(scale=10, size=N).round(1)
Y = 3 * A + B / 5 + CHANCE.normal(scale=0.3, size=N)
ROWS = pl.DataFrame(
    {
        "a": A,
        "b b": B,  # names need not be those of variables
        "n": CHANCE.integers(0, 5, N),
        "t": CHANCE.choice(["x", "yy", "z"], N),
        "y": Y,
        "two": (Y > 0).astype(int),
        "text": np.array(["no", "yes"])[(Y > 0).astype(int)],
        "true": Y > 0,
        "three": np.array(["u", "v", "w"])[np.digitize(Y, [-1, 1])],
        "place": np.digitize(Y, [-1, 1]),
        "group": np.sort(CHANCE.integers(0, 9, N)),
    }
)
NUMBERS = ["a", "b b", "n"]
FEW = {"n_estimators": 5, "random_state": 0}

AGREE: list[tuple[Any, str | None]] = [
    (LinearRegression(), "y"),
    (LogisticRegression(), "true"),
    (LogisticRegression(), "three"),
    (DecisionTreeClassifier(random_state=0), "text"),
    (DecisionTreeRegressor(random_state=0), "y"),
    (RandomForestClassifier(**FEW), "three"),
    (RandomForestRegressor(**FEW), "y"),
    (XGBClassifier(**FEW), "two"),
    (XGBClassifier(**FEW), "three"),
    (XGBClassifier(**FEW), "true"),
    (XGBRegressor(**FEW), "y"),
    (XGBRFClassifier(**FEW), "text"),
    (XGBRFRegressor(**FEW), "y"),
    (XGBRanker(**FEW), "place"),
    (SVC(), "text"),
    (LinearSVC(), "two"),
    (SVR(), "y"),
    (GaussianNB(), "three"),
    (KNeighborsRegressor(), "y"),
    (KMeans(3, random_state=0, n_init=1), None),
    (PCA(2), None),
    (IsolationForest(**FEW), None),
    (StandardScaler(), None),
    (make_pipeline(StandardScaler(), LogisticRegression()), "text"),
]


def trained(estimator: Any, target: str | None, features: Any = NUMBERS) -> Any:
    options = {"group": "group"} if isinstance(estimator, XGBRanker) else {}
    return gp.Learn(estimator, target=target, features=features, **options).fit_plain(ROWS)


def asked(path: Path, frame: pl.DataFrame, features: Any = NUMBERS) -> dict[str, Any]:
    """What onnxruntime answers, fed as a user would: a column an input."""
    runtime = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    dtypes = {"tensor(double)": np.float64, "tensor(string)": object}
    assert [one.name for one in runtime.get_inputs()] == list(features)
    given = {one.name: frame[one.name].to_numpy().astype(dtypes[one.type]) for one in runtime.get_inputs()}
    return dict(zip([one.name for one in runtime.get_outputs()], runtime.run(None, given), strict=True))


@pytest.mark.parametrize(("estimator", "target"), AGREE, ids=lambda one: one if isinstance(one, str) else type(one).__name__)
def test_a_file_answers_as_the_model_does(estimator: Any, target: str | None, tmp_path: Path) -> None:
    model = trained(estimator, target)
    made = gp.export_onnx(model, tmp_path / "model.onnx", ROWS)
    answers = asked(made.path, ROWS)
    assert list(answers) == list(made.outputs)
    assert (dict(made.inputs), made.n_rows) == (dict.fromkeys(NUMBERS, "double"), 3 * N)
    if model.task == "transformer":
        matrix = np.stack(list(answers.values()), axis=1)
        np.testing.assert_allclose(matrix, model.transform(ROWS), rtol=1e-5, atol=1e-5)
        return
    name = "cluster" if model.task == "clusterer" else "prediction"
    exact = model.task in ("classifier", "clusterer")
    if exact:
        assert answers[name].tolist() == model.predict(ROWS).tolist()
    else:
        np.testing.assert_allclose(answers[name], model.predict(ROWS), rtol=1e-5, atol=1e-5)
    if "predict_proba" in model.methods:
        probable = model.predict_proba(ROWS)
        told = [answers[column] for column in made.outputs[1:]]
        np.testing.assert_allclose(np.stack(told, axis=1), probable[:, 1:] if len(told) == 1 else probable, rtol=1e-5, atol=1e-6)


def test_a_pipeline_with_text_columns_takes_text(tmp_path: Path) -> None:
    columns = ColumnTransformer([("n", StandardScaler(), ["a", "n"]), ("t", OneHotEncoder(handle_unknown="ignore"), ["t", "n"])])
    features = ["a", "n", "t"]
    model = trained(make_pipeline(columns, LogisticRegression()), "three", features)
    made = gp.export_onnx(model, tmp_path / "model.onnx", ROWS)
    assert dict(made.inputs) == {"a": "double", "n": "double", "t": "string"}
    strange = ROWS.with_columns(t=pl.lit("never seen"))
    for frame in (ROWS, strange):
        assert asked(made.path, frame, features)["prediction"].tolist() == model.predict(frame).tolist()
    with pytest.raises(ArtefactError, match=r"Text that is missing .* some in 't'. Fill it"):
        gp.export_onnx(model, tmp_path / "other.onnx", ROWS.with_columns(t=pl.lit(None, pl.String)))


def test_only_the_trees_up_to_the_best_round_are_written(tmp_path: Path) -> None:
    estimator = XGBRegressor(n_estimators=60, early_stopping_rounds=3, learning_rate=0.9, random_state=0)
    model = gp.Learn(estimator, target="y", features=NUMBERS).fit_plain(ROWS[::2], ROWS[1::2])
    assert model.model.best_iteration + 1 < model.model.get_booster().num_boosted_rounds()
    made = gp.export_onnx(model, tmp_path / "model.onnx", ROWS)
    np.testing.assert_allclose(asked(made.path, ROWS)["prediction"], model.predict(ROWS), rtol=1e-5)


def test_missing_values_are_told_of(tmp_path: Path) -> None:
    lacking = ROWS.with_columns(a=pl.when(pl.col("n") == 1).then(None).otherwise("a"))
    model = gp.Learn(XGBRegressor(**FEW), target="y", features=NUMBERS).fit_plain(lacking)
    made = gp.export_onnx(model, tmp_path / "model.onnx", lacking)
    assert made.knows_missing
    np.testing.assert_allclose(asked(made.path, lacking)["prediction"], model.predict(lacking), rtol=1e-5)
    forest = trained(RandomForestRegressor(**FEW), "y")  # scikit-learn's own sends them to the larger side, the file does not
    assert not gp.export_onnx(forest, tmp_path / "forest.onnx", ROWS).knows_missing


REFUSED: list[tuple[Any, str | None, str]] = [
    (HistGradientBoostingClassifier(max_iter=3), "two", "HistGradientBoostingClassifier cannot be exported .* Unable to create node"),
    (
        LinearDiscriminantAnalysis(),
        "two",
        r"column 'probability' differs by up to 0\.\d+ of its largest number, more than 1e-05, in \d+ of",
    ),
    (XGBRFClassifier(**FEW), "three", r"rows \(\d+ of the 240 given ones\) have another prediction"),
    (XGBRegressor(booster="gblinear", n_estimators=2), "y", "KeyError: 'gbtree_model_param'"),
]


@pytest.mark.parametrize(("estimator", "target", "reason"), REFUSED, ids=lambda one: None if isinstance(one, str) else type(one).__name__)
def test_what_does_not_agree_is_refused_by_name_and_reason(estimator: Any, target: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=reason):
        gp.export_onnx(trained(estimator, target), tmp_path / "model.onnx", ROWS)
    assert not list(tmp_path.iterdir())


def test_rows_on_the_thresholds_of_trees_are_looked_at(tmp_path: Path) -> None:
    model = trained(make_pipeline(StandardScaler(), RandomForestClassifier(60, random_state=0)), "three")
    with pytest.raises(ArtefactError, match="Pipeline cannot be exported"):  # the tree rounds what the scaler gives, the file does not
        gp.export_onnx(model, tmp_path / "model.onnx", ROWS)
    middle = checked_rows(ROWS.select("a").to_arrow(), frozenset())["a"].to_numpy()[2 * N :]
    values = np.unique(A)
    assert set(middle) <= set(values[:-1] / 2 + values[1:] / 2)


def test_bad_calls_say_what_is_expected(tmp_path: Path) -> None:
    model, path = trained(LinearRegression(), "y"), tmp_path / "model.onnx"
    with pytest.raises(UsageError, match="ends in .onnx"):
        gp.export_onnx(model, tmp_path / "model", ROWS)
    with pytest.raises(UsageError, match="tolerance between 0 and 1"):
        gp.export_onnx(model, path, ROWS, tolerance=0)
    with pytest.raises(UsageError, match="got none"):
        gp.export_onnx(model, path, ROWS[:0])
    with pytest.raises(ColumnError, match="'b b'"):
        gp.export_onnx(model, path, ROWS.drop("b b"))
    with pytest.raises(UsageError, match="got a chain of 'Rename', 'LinearRegression'.*make_pipeline"):
        gp.export_onnx(gp.Chain(gp.Rename(z="a"), model), path, ROWS)
    with pytest.raises(UsageError, match="Expected a trained model.*got LinearRegression"):
        gp.export_onnx(LinearRegression(), path, ROWS)
    with pytest.raises(UsageError, match="nothing to export"):
        gp.export_onnx(gp.Learn(DBSCAN(), features=NUMBERS).fit_plain(ROWS), path, ROWS)
    assert not list(tmp_path.iterdir())
    assert gp.export_onnx(gp.Chain(model), path, ROWS).path == path
    before = path.read_bytes()
    with pytest.raises(ArtefactError, match="exists already.*overwrite=True"):
        gp.export_onnx(model, path, ROWS[:5])
    assert path.read_bytes() == before
    assert gp.export_onnx(model, path, ROWS[:1], overwrite=True).n_rows == 3
    with pytest.raises(ArtefactError, match="could not be written"):
        gp.export_onnx(model, path / "below a file" / "model.onnx", ROWS)
