"""Estimators of scikit-learn through gpupipe give to the last digit what they give by hand; scikit-learn is the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

import gpupipe as gp
from gpupipe.core.errors import DtypeError, UsageError, WiringError

IRIS = load_iris(as_frame=False)
NAMES = ["a", "b", "c", "d"]
WHOLE = pl.DataFrame((IRIS.data * 10).astype(np.int16), schema=NAMES)  # small whole numbers, of which floats would make other names
FLOATS = pl.DataFrame(IRIS.data, schema=NAMES)
GAPS = FLOATS.with_columns(b=pl.when(pl.col("a") < 6).then(pl.col("b")))
KIND = pl.Series("kind", np.array(["setosa", "versicolor", "virginica"])[IRIS.target])
LENGTH = pl.Series("length", IRIS.data[:, 0] * 3 + IRIS.data[:, 3])


def by_hand(frame: pl.DataFrame) -> Any:
    """Return what a person would hand to scikit-learn."""
    return frame.to_pandas()[NAMES]


def run(table: pl.DataFrame, learn: gp.Learn, use: Callable[[Any, Any], Any], engine: str) -> Any:
    node = gp.FromFrame(table).node()
    fitted = learn.fit(node)
    result = gp.Pipeline("p", out=use(fitted, node), model=fitted).run(engine)
    return result["out"].to_polars(), result["model"]


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
@pytest.mark.parametrize(
    ("estimator", "frame"),
    [
        (StandardScaler(), FLOATS),
        (StandardScaler(), WHOLE),
        (MinMaxScaler(), GAPS),
        (QuantileTransformer(n_quantiles=20), FLOATS),
        (PCA(3), FLOATS),
        (PCA(), WHOLE),
        (SimpleImputer(strategy="median", add_indicator=True), GAPS),
        (KNNImputer(), GAPS),
        (OneHotEncoder(), WHOLE),
        (OrdinalEncoder(), WHOLE),
        (KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), FLOATS),
        (PolynomialFeatures(2), FLOATS),
        (VarianceThreshold(0.3), FLOATS),
        (make_pipeline(SimpleImputer(), StandardScaler()), GAPS),
    ],
    ids=lambda one: type(one).__name__,
)
def test_transformers(estimator: Any, frame: pl.DataFrame, engine: str) -> None:
    out, model = run(frame.with_columns(KIND), gp.Learn(estimator, features=NAMES), lambda fitted, table: fitted(table), engine)
    reference = clone(estimator).fit(by_hand(frame))
    made = reference.transform(by_hand(frame))
    made = made.toarray() if hasattr(made, "toarray") else made
    assert out.columns == ["kind", *reference.get_feature_names_out()]
    np.testing.assert_array_equal(out.drop("kind").to_numpy(), made)
    assert out.drop("kind").null_count().sum_horizontal()[0] == np.isnan(made).sum(), "what is missing stays missing, and is no NaN"
    for plain in (frame, frame.to_pandas(), frame.to_arrow()):
        np.testing.assert_array_equal(model.transform(plain), made)


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (LogisticRegression(max_iter=500), KIND),
        (RandomForestClassifier(20, random_state=0), KIND),
        (HistGradientBoostingClassifier(max_iter=10), KIND),
        (KNeighborsClassifier(), KIND),
        (GaussianNB(), KIND),
        (SVC(), KIND),
        (Ridge(), LENGTH),
        (DecisionTreeRegressor(random_state=0), LENGTH),
        (GradientBoostingRegressor(n_estimators=20, random_state=0), LENGTH),
        (KMeans(3, n_init=1, random_state=0), None),
        (GaussianMixture(3, random_state=0), None),
        (IsolationForest(n_estimators=20, random_state=0), None),
    ],
    ids=lambda one: type(one).__name__ if not isinstance(one, pl.Series) else one.name,
)
def test_predictors(estimator: Any, target: pl.Series | None, engine: str) -> None:
    table = FLOATS if target is None else FLOATS.with_columns(target)
    learn = gp.Learn(estimator, target=None if target is None else target.name)
    out, model = run(table, learn, lambda fitted, node: fitted.predict(node), engine)
    reference = clone(estimator)
    reference.fit(by_hand(FLOATS)) if target is None else reference.fit(by_hand(FLOATS), target.to_numpy())
    expected = reference.predict(by_hand(FLOATS))
    if expected.dtype.kind == "f" and engine == "cpu":  # rows are asked about some at a time, and the last of them BLAS rounds otherwise
        np.testing.assert_array_max_ulp(out["prediction"].to_numpy(), expected, maxulp=2)
    else:
        assert out[out.columns[-1]].to_list() == expected.tolist()
    assert model.features == tuple(NAMES)
    for plain in (table, table.to_pandas(), table.to_arrow(), table.lazy()):
        np.testing.assert_array_equal(model.predict(plain), expected)
    if "predict_proba" in model.methods:
        np.testing.assert_array_equal(model.predict_proba(table), reference.predict_proba(by_hand(FLOATS)))
        np.testing.assert_array_equal(model.using("predict_proba").apply(table.to_pandas()).iloc[:, -3:], model.predict_proba(table))


@pytest.mark.parametrize("engine", ["cpu", "dask", "pandas"])
@pytest.mark.parametrize("estimator", [OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder()], ids=lambda one: type(one).__name__)
def test_encoders_take_text(estimator: Any, engine: str, request: pytest.FixtureRequest, tmp_path: Any) -> None:
    frame = FLOATS.with_columns(KIND, late=pl.Series(IRIS.target), lacking=pl.when(IRIS.target > 0).then(KIND)).sample(fraction=1, seed=1)
    names = ["kind", "late", "lacking"]
    node = gp.FromFrame(frame).node() >> gp.Cast({"kind": nw.Categorical})
    fitted = gp.Learn(estimator, features=names).fit(node)
    cluster = request.getfixturevalue("two_workers") if engine == "dask" else None
    result = gp.Pipeline("p", out=gp.Drop(*NAMES)(fitted(node)), model=fitted).run(engine, cluster=cluster)
    given = frame.select(names).to_numpy()
    reference = clone(estimator).fit(given)
    made = reference.transform(given)
    assert result["out"].columns == list(reference.get_feature_names_out(names))
    np.testing.assert_array_equal(result["out"].to_polars().to_numpy(), made.toarray() if hasattr(made, "toarray") else made)
    loaded = gp.load(gp.save(result["model"], tmp_path / "encoder"))
    np.testing.assert_array_equal(loaded.transform(frame.to_pandas()), result["model"].transform(frame))
    with pytest.raises(DtypeError, match=r"learned from text in 'kind', got Int32\. Cast it to nw\.String first"):
        loaded.apply(frame.with_columns(kind=1))


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
def test_a_transformer_that_learns_from_a_target(engine: str) -> None:
    table = FLOATS.with_columns(KIND)
    learn = gp.Learn(SelectKBest(k=2), features=NAMES, target="kind")
    out, _ = run(table, learn, lambda fitted, node: gp.Select("kind", "d")(fitted(node)), engine)
    chosen = SelectKBest(k=2).fit(by_hand(FLOATS), KIND.to_numpy())
    assert list(chosen.get_feature_names_out()) == ["c", "d"] and out["d"].to_list() == FLOATS["d"].to_list()


def test_the_bare_answers_are_those_of_the_estimator_also_of_no_rows(tmp_path: Any) -> None:
    frame = FLOATS.with_columns(KIND)
    model = gp.Learn(LogisticRegression(max_iter=500), target="kind").fit_plain(frame)
    loaded = gp.load(gp.save(model, tmp_path / "model"))
    assert repr(loaded) == "<Learned LogisticRegression for 'kind' from 'a', 'b', 'c', 'd'>"
    assert isinstance(loaded.predict(frame), np.ndarray) and loaded.predict(frame).tolist() == model.predict(frame).tolist()
    assert loaded.apply(pd.DataFrame(frame.to_pandas()))["prediction"].tolist() == model.predict(frame).tolist()
    assert model.predict(frame.clear()).shape == (0,) and model.predict_proba(frame.clear()).shape == (0, 3)
    for wrong, told in ((IRIS.data, "got ndarray. Make one of it first"), (gp.FromFrame(frame).node(), "got Table. It has no rows before")):
        with pytest.raises(UsageError, match=told):
            model.predict(wrong)
    with pytest.raises(WiringError, match="LogisticRegression is a classifier and has no 'transform'"):
        model.transform(frame)
    scaler = gp.Learn(StandardScaler(), features=NAMES).fit_plain(frame)
    assert scaler.transform(frame.clear()).shape == (0, 4)
