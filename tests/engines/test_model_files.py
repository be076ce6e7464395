"""Models that live on a device, as files: what is written is the estimator that predicts the same on a machine without one."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    BaggingRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel
from sklearn.linear_model import Ridge, TweedieRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

from gpupipe.core.errors import ArtefactError
from gpupipe.engines._model_files import load_model, save_model

ROWS = np.array([[0.0], [1.0], [2.0], [3.0]])
TARGET = np.array([0.0, 2.0, 4.0, 6.0])


@dataclass(frozen=True)
class Elsewhere:
    """A model that answers somewhere else, as those of engine `gpu` do."""

    estimator: Any

    def portable(self) -> Any:
        """Return the estimator that can be written."""
        return self.estimator


def again(folder: Path, facts: dict[str, Any]) -> Any:
    return load_model((folder / facts["file"]).read_bytes(), facts, ())


def test_a_booster_forgets_its_device(tmp_path: Path) -> None:
    booster = XGBRegressor(n_estimators=3, max_depth=2).fit(ROWS, TARGET)
    wanted = booster.predict(ROWS)
    booster.device = "cuda"  # as training on a device leaves it; set_params would look for one
    loaded = again(tmp_path, save_model(Elsewhere(booster), tmp_path))
    assert loaded.get_params()["device"] is None
    assert loaded.get_params()["max_depth"] == 2
    assert loaded.predict(ROWS).tolist() == wanted.tolist()


def test_what_stands_for_an_estimator_is_written_as_it(tmp_path: Path) -> None:
    fitted = Ridge(alpha=0.1).fit(ROWS, TARGET)
    facts = save_model(Elsewhere(fitted), tmp_path)
    assert facts["class"] == "sklearn.linear_model._ridge:Ridge"
    assert again(tmp_path, facts).predict(ROWS).tolist() == fitted.predict(ROWS).tolist()


# Files from somebody who means harm.


def skops_file(schema: Any, source: bytes | None = None) -> bytes:
    """Return a file of skops' with another account of itself."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        if source is not None:
            with zipfile.ZipFile(io.BytesIO(source)) as original:
                for name in set(original.namelist()) - {"schema.json"}:
                    archive.writestr(name, original.read(name))
        archive.writestr("schema.json", json.dumps(schema))
    return packed.getvalue()


def node(loader: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return a node of skops' tree."""
    module, _, name = kind.rpartition(".")
    return {"__class__": name, "__module__": module, "__loader__": loader, **more}


def text(value: Any) -> dict[str, Any]:
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


@pytest.mark.parametrize(
    ("kind", "loader"),
    [
        ("sklearn.utils._testing.check_output", "ListNode"),
        ("sklearn.utils._testing.check_output", "SetNode"),
        ("sklearn.utils._testing.check_output", "ConstructorFromReduceNode"),
        ("sklearn.externals.joblib.load", "ListNode"),
        ("builtins.eval", "ListNode"),
        ("builtins.exec", "ConstructorFromReduceNode"),
        ("numpy.load", "ListNode"),
        ("scipy.io.savemat", "ConstructorFromReduceNode"),
        ("collections.namedtuple", "ListNode"),
        ("sklearn.tree._tree.Tree", "ListNode"),
        ("sklearn.utils._bunch.Bunch", "ConstructorFromReduceNode"),
        ("numpy.mean", "ListNode"),
    ],
)
def test_a_type_is_trusted_by_its_exact_name_and_way(kind: str, loader: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    words = [text("touch"), text(str(ran))]
    content: Any = node("TupleNode", "builtins.tuple", content=words) if loader == "ConstructorFromReduceNode" else words
    with pytest.raises(ArtefactError, match="not trusted"):
        load_model(skops_file({**node(loader, kind, content=content), "protocol": 2}), {"file": "model.skops", "class": "x"}, ())
    assert not ran.exists()


def test_what_is_no_estimator_is_refused() -> None:
    for schema in (
        {**node("ListNode", "builtins.list", content=[]), "protocol": 2},
        {**text("x"), "protocol": 2},
        {"protocol": 2},
        [],
        None,
        "x",
    ):
        with pytest.raises(ArtefactError):
            load_model(skops_file(schema), {"file": "model.skops", "class": "builtins:list"}, ())
    with pytest.raises(ArtefactError, match="damaged"):
        load_model(b"PK", {"file": "model.skops", "class": "x"}, ())


def test_a_packed_file_is_refused(tmp_path: Path) -> None:
    facts = save_model(Ridge().fit(ROWS, TARGET), tmp_path)
    packed = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "model.skops") as original, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in original.namelist():
            archive.writestr(name, original.read(name))
    with pytest.raises(ArtefactError, match="is packed"):
        load_model(packed.getvalue(), facts, ())


@pytest.mark.parametrize(
    "kind", ["xgboost.sklearn:XGBModel", "xgboost.compat:import_cupy", "xgboost.dask:DaskXGBRegressor", "os:system", 3, None]
)
def test_the_branch_of_xgboost_makes_its_estimators_alone(kind: Any, tmp_path: Path) -> None:
    facts = save_model(XGBRegressor(n_estimators=1).fit(ROWS, TARGET), tmp_path)
    with pytest.raises(ArtefactError, match="Expected an estimator of XGBoost"):
        again(tmp_path, facts | {"class": kind})


def boosted(**options: Any) -> Any:
    """Return a small model of XGBoost."""
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(80, 3))
    return XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1, verbosity=0, **options).fit(rows, (rows[:, 0] > 0).astype(int))


def test_a_model_of_xgboost_that_would_be_followed_out_of_memory_is_refused(tmp_path: Path) -> None:
    facts = save_model(boosted(), tmp_path)
    content = (tmp_path / "model.ubj").read_bytes()
    at = content.index(b"left_children[$l#L") + len(b"left_children[$l#L") + 8
    wanted = {
        "a length": content.replace(b"base_weights[$d#L\x00\x00", b"base_weights[$d#L\x00\x7f", 1),
        "children far away": content[:at] + b"\x00\xff\xff\xff" + content[at + 4 :],
        "a child that is its parent": content[:at] + b"\x00\x00\x00\x00" + content[at + 4 :],
        "the end": content[:-20],
        "more": content + b"}",
        "more features": content.replace(b"num_featureSL" + bytes(7) + b"\x013", b"num_featureSL" + bytes(7) + b"\x011", 1),
        "nothing": b"",
        "no UBJ": b"[" * 100,
    }
    assert again(tmp_path, facts).n_features_in_ == 3
    for what, changed in wanted.items():
        assert changed != content, what
        with pytest.raises(ArtefactError, match="damaged"):
            load_model(changed, facts, ())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"booster": "dart"},
        {"booster": "gblinear"},
        {"tree_method": "exact", "gamma": 0.5},
        {"grow_policy": "lossguide", "max_leaves": 5},
    ],
)
def test_every_booster_passes_the_check(options: dict[str, Any], tmp_path: Path) -> None:
    model = boosted(**options)
    assert again(tmp_path, save_model(model, tmp_path)).get_booster().save_raw() == model.get_booster().save_raw()


def led_astray(model: Any, what: str, value: int) -> Any:
    """Return the tree-based estimator with an index changed in the nodes of its first compiled tree."""
    if isinstance(model, KNeighborsRegressor):
        state = list(model._tree.__getstate__())
        state[2][what][0] = value
        model._tree.__setstate__(tuple(state))
    elif isinstance(model, HistGradientBoostingRegressor):
        model._predictors[0][0].nodes[what][0] = value
    else:
        tree = (model if isinstance(model, DecisionTreeRegressor) else model.estimators_[0]).tree_
        tree.__getstate__()
        {"left_child": tree.children_left, "right_child": tree.children_right, "feature": tree.feature}[what][0] = value
    return model


@pytest.mark.parametrize(
    ("estimator", "what", "value"),
    [
        (DecisionTreeRegressor(), "left_child", 10**9),
        (DecisionTreeRegressor(), "left_child", 0),
        (DecisionTreeRegressor(), "right_child", -5),
        (RandomForestRegressor(2, random_state=0), "feature", 10**6),
        (HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=1), "left", 4 * 10**9),
        (HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=1), "feature_idx", 77),
        (KNeighborsRegressor(2, algorithm="kd_tree"), "idx_end", 10**6),
        (KNeighborsRegressor(2, algorithm="ball_tree"), "idx_start", -3),
        (KNeighborsRegressor(2, algorithm="ball_tree"), "is_leaf", 0),
    ],
)
def test_an_index_that_leads_out_of_a_compiled_tree_is_refused(estimator: Any, what: str, value: int, tmp_path: Path) -> None:
    model = clone(estimator).fit(ROWS, TARGET)
    assert again(tmp_path, save_model(model, tmp_path)).predict(ROWS).tolist() == model.predict(ROWS).tolist()
    facts = save_model(led_astray(model, what, value), tmp_path)
    with pytest.raises(ArtefactError, match="cannot be so"):
        again(tmp_path, facts)


def test_a_tree_wider_than_the_rows_it_will_get_is_refused(tmp_path: Path) -> None:
    model = RandomForestRegressor(2, random_state=0).fit(np.hstack([ROWS] * 5), TARGET)
    model.n_features_in_ = 1
    with pytest.raises(ArtefactError, match="the width of a decision tree cannot be so"):
        again(tmp_path, save_model(model, tmp_path))


@pytest.mark.parametrize(
    "estimator",
    [
        VotingRegressor([("a", Ridge()), ("b", DecisionTreeRegressor())]),
        GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=2),
        SplineTransformer(n_knots=3),
        make_pipeline(StandardScaler(), SVR()),
        GaussianProcessRegressor(Matern() + WhiteKernel()),
        MLPRegressor(max_iter=2),
        IsolationForest(n_estimators=2),
        GradientBoostingRegressor(n_estimators=2),
        BaggingRegressor(n_estimators=2, max_features=1),
        SelectKBest(f_regression, k=1),
        TweedieRegressor(power=1.5),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.filterwarnings("ignore")  # four rows are few
def test_estimators_of_scikit_learn_need_no_trust_of_the_callers(estimator: Any, tmp_path: Path) -> None:
    model = estimator.fit(ROWS, TARGET + 1)
    loaded = again(tmp_path, save_model(model, tmp_path))
    method = "predict" if hasattr(model, "predict") else "transform"
    assert getattr(loaded, method)(ROWS).tolist() == getattr(model, method)(ROWS).tolist()
