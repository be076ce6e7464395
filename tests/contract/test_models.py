"""cuML's counterparts: they are of the class they stand for, take every parameter as it comes, and refuse what they cannot do."""

from __future__ import annotations

import importlib.util
import inspect
from importlib import import_module
from typing import Any

import pytest

from gpupipe.core.errors import UnsupportedError
from gpupipe.engines.cudf.counterparts import COUNTERPARTS, as_forest, counterpart_of, require_heard, witness_of


def cuml_class(name: str) -> Any:
    """Return cuML's counterpart of a class."""
    module, _, member = COUNTERPARTS[name].partition(":")
    return getattr(import_module(module), member)


def host_class(name: str) -> Any:
    """Return the class that a counterpart stands for."""
    package = cuml_class(name)._cpu_class_path.split(".")[0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return cuml_class(name)._get_cpu_class()


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_counterparts(name: str) -> None:
    found = cuml_class(name)
    assert found._cpu_class_path.rpartition(".")[2] == name
    assert callable(found.from_sklearn) and callable(found.as_sklearn)
    fit = inspect.signature(found.fit)
    fit.bind(None, "X") if "y" not in fit.parameters or fit.parameters["y"].default is not inspect.Parameter.empty else fit.bind(
        None, "X", "y"
    )
    for method in ("predict", "predict_proba", "transform"):
        if hasattr(found, method):
            inspect.signature(getattr(found, method)).bind(None, "X")
    assert "output_type" in inspect.signature(found.__init__).parameters


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_usual_parameters_are_taken(name: str) -> None:
    estimator = host_class(name)()
    assert counterpart_of(estimator) == COUNTERPARTS[name]
    witness, seen = witness_of(estimator)
    parameters = cuml_class(name)._params_from_cpu(witness)
    inspect.signature(cuml_class(name).__init__).bind(None, **parameters)
    require_heard(estimator, seen, name)


REFUSED = [
    ("LinearRegression", {"positive": True}, "positive"),
    ("DBSCAN", {"metric_params": {"w": 2}}, "metric_params"),
    ("SVC", {"break_ties": True}, "break_ties"),
    ("LogisticRegression", {"solver": "liblinear"}, "solver"),
    ("LogisticRegression", {"warm_start": True}, "warm_start"),
    ("RandomForestClassifier", {"ccp_alpha": 0.1}, "ccp_alpha"),
    ("RandomForestRegressor", {"monotonic_cst": [1]}, "monotonic_cst"),
    ("PCA", {"n_components": "mle"}, "mle"),
    ("KMeans", {"init": lambda rows, k, random_state: rows}, "init"),
    ("IsolationForest", {"warm_start": True}, "warm_start"),
]


@pytest.mark.parametrize(("name", "parameters", "told"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cuml_cannot_do_is_refused(name: str, parameters: dict[str, Any], told: str) -> None:
    estimator = host_class(name)(**parameters)
    witness, seen = witness_of(estimator)

    def ask() -> None:
        cuml_class(name)._params_from_cpu(witness)
        require_heard(estimator, seen, name)

    with pytest.raises((ValueError, TypeError, UnsupportedError), match=told):
        ask()


@pytest.mark.parametrize("name", ["DecisionTreeClassifier", "DecisionTreeRegressor"])
def test_a_tree_becomes_a_forest_that_cuml_takes(name: str) -> None:
    tree = getattr(import_module("sklearn.tree"), name)(max_depth=4, min_samples_leaf=3)
    forest = as_forest(tree)
    parameters = cuml_class(type(forest).__name__)._params_from_cpu(forest)
    assert (parameters["n_estimators"], parameters["bootstrap"], parameters["max_depth"]) == (1, False, 4)


def test_boosters_take_what_training_gives() -> None:
    import xgboost  # local: skipped where it is not installed

    for kind in (xgboost.XGBClassifier, xgboost.XGBRegressor):
        inspect.signature(kind.fit).bind(None, "X", "y", verbose=False, sample_weight=None, eval_set=[], sample_weight_eval_set=[])
        assert kind(device="cuda").get_params()["device"] == "cuda"
        source = inspect.getsource(kind.fit)
        assert "create_dmatrix=self._create_dmatrix" in source, "fit asks for its matrices elsewhere: see engines/cudf/boosting.py"
        inspect.signature(kind._create_dmatrix).bind(None, ref=None, data=None, label=None, weight=None, missing=0.0, feature_weights=None)
    options = {"missing": 0.0, "nthread": 1, "ref": None, "max_bin": 256}
    inspect.signature(xgboost.QuantileDMatrix.__init__).bind(None, None, **options)
    inspect.signature(xgboost.ExtMemQuantileDMatrix.__init__).bind(None, None, cache_host_ratio=1.0, **options)
    assert "use_cuda_async_pool" in xgboost.get_config()
    source = inspect.getsource(xgboost.XGBModel.predict)
    assert "asnumpy" in source, "XGBModel.predict copies to the host no more: BoosterOnDevice may leave it to predict"
    assert "classes_" in dir(xgboost.XGBClassifier)
    assert "use_rmm" in xgboost.get_config() or not xgboost.build_info()["USE_RMM"]


def test_naive_bayes_has_what_its_copy_needs() -> None:
    found = import_module("cuml").MultinomialNB
    source = inspect.getsource(inspect.getmodule(found))
    for name in ("feature_log_prob_", "class_log_prior_", "feature_count_", "class_count_", "classes_"):
        assert f"self.{name} =" in source


def test_options_that_are_set_exist() -> None:
    cudf = import_module("cudf")
    assert cudf.get_option("spill") is False
    assert cudf.get_option("spill_on_demand") is True
    with cudf.option_context("mode.pandas_compatible", False):
        assert cudf.get_option("mode.pandas_compatible") is False
