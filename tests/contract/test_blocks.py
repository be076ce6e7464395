"""What engine `dask-cuda` has of engine `dask`, bound against cuDF, dask_cudf, dask-cuda, cuml.dask and xgboost.dask.

That code is run with pandas in ordinary tests; the calls below are those that it, Dask and XGBoost make of a block that is cuDF's.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression

from gpupipe.core.errors import UnsupportedError
from gpupipe.core.schema import Schema
from gpupipe.core.task import Training
from gpupipe.engines.cudf.counterparts import counterpart_of, witness_of
from gpupipe.engines.dask_cuda.choice import ARRAYS, DISTRIBUTED, WEIGHTED, why_alone
from gpupipe.engines.dask_cuda.clusters import local_options

FRAME, SERIES = "cudf:DataFrame", "cudf:Series"
TABLE, COLUMN = "dask_cudf._expr.collection:DataFrame", "dask_cudf._expr.collection:Series"
CALLS: list[tuple[str, str, int, dict[str, Any]]] = [
    (FRAME, "__getitem__", 1, {}),  # gpupipe/engines/_blocks.py, dask/keys.py, dask/sorting.py
    (FRAME, "memory_usage", 0, {"index": False}),  # _blocks.py
    (FRAME, "astype", 1, {"errors": "ignore"}),  # dask/dataframe/shuffle.py, partitioning_index
    (FRAME, "hash_values", 0, {}),  # dask_cudf/backends.py, hash_object_cudf
    (FRAME, "scatter_by_map", 1, {"map_size": 2, "keep_index": False}),  # dask_cudf/backends.py, group_split_cudf
    (SERIES, "to_numpy", 0, {}),  # dask/blocks.py, dask/boosting.py
    (SERIES, "drop_duplicates", 0, {}),  # dask/boosting.py
    (TABLE, "map_partitions", 2, {"meta": None, "enforce_metadata": False, "align_dataframes": False}),  # dask/blocks.py
    (TABLE, "reduction", 1, {"aggregate": None, "combine": None, "meta": None, "split_every": 16}),  # dask/tables.py
    (TABLE, "shuffle", 0, {"on": "a", "npartitions": 2, "ignore_index": True, "shuffle_method": "tasks"}),  # dask/blocks.py
    (TABLE, "repartition", 0, {"npartitions": 1}),  # dask/tables.py
    (COLUMN, "astype", 1, {}),  # dask_cuda/learners.py
    ("distributed:Client", "as_current", 0, {}),  # dask_cuda/learners.py
    ("distributed:Client", "run", 1, {"on_error": "return"}),  # dask_cuda/clusters.py
    ("xgboost:Booster", "set_param", 1, {}),  # cudf/models.py
]


def member(address: str) -> Any:
    """Return what stands at ``module:name``."""
    module, _, name = address.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize(("owner", "method", "n_positional", "keywords"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_calls(owner: str, method: str, n_positional: int, keywords: dict[str, Any]) -> None:
    signature = inspect.signature(getattr(member(owner), method))
    signature.bind(None, *[None] * n_positional, **keywords)
    assert set(keywords) <= set(signature.parameters), "a keyword that **kwargs would take"


def test_dask_takes_blocks_of_cudf() -> None:
    frame = import_module("cudf").DataFrame
    import_module("dask_cudf")
    dispatched = import_module("dask.dataframe.dispatch")
    for name in ("concat_dispatch", "group_split_dispatch", "hash_object_dispatch", "make_meta_dispatch", "meta_nonempty"):
        assert "dask_cudf" in getattr(dispatched, name).dispatch(frame).__module__, name
    assert import_module("dask.dataframe.dispatch").get_parallel_type.dispatch(frame)(None) is member(TABLE)
    assert import_module("dask.sizeof").sizeof.dispatch(frame).__module__ == "dask_cudf.backends"


def test_a_local_cluster_takes_its_options() -> None:
    options = local_options(2)
    local = member("dask_cuda:LocalCUDACluster")
    inspect.signature(local.__init__).bind(None, **options)
    known = {*inspect.signature(local.__init__).parameters, *inspect.signature(local.__mro__[1].__init__).parameters}
    assert set(options) <= known
    assert local.__mro__[1].__name__ == "LocalCluster"


def test_cudfs_spilling_leaves_travelling_blocks_to_pickle() -> None:
    source = inspect.getsource(import_module("dask_cuda"))
    assert 'if not cudf.get_option("spill")' in source, "limits.py says so; look again whether blocks may stay on devices"


@pytest.mark.parametrize("kind", ["DaskXGBClassifier", "DaskXGBRegressor"])
def test_distributed_boosters_take_what_training_gives(kind: str) -> None:
    found = member(f"xgboost.dask:{kind}")
    inspect.signature(found.fit).bind(None, "X", "y", verbose=False, sample_weight=None, eval_set=[], sample_weight_eval_set=[])
    parameters = member(f"xgboost:{kind.removeprefix('Dask')}")().get_params()
    assert found(**{**parameters, "device": "cuda"}).get_params()["device"] == "cuda"


@pytest.mark.parametrize("name", DISTRIBUTED)
def test_distributed_estimators(name: str) -> None:
    found = member(DISTRIBUTED[name])
    assert found.__name__ == name
    weighted = ("sample_weight",) if name in WEIGHTED else ()
    supervised = ("y",) if name in {"LinearRegression", "MultinomialNB", "Ridge"} else ()
    inspect.signature(found.fit).bind(None, "X", *supervised, *weighted)
    taken = inspect.signature(found.fit).parameters
    assert ("sample_weight" in taken) == (name in WEIGHTED), "entered in choice.py as it is"
    assert ("dask.Array is supported for X" in inspect.getsource(found.fit)) == (name in ARRAYS)
    inspect.signature(found.get_combined_model).bind(None)
    inspect.signature(found.__init__).bind(None, client=None, **parameters_of(name))


@pytest.mark.parametrize(
    ("name", "several"),
    [
        ("KMeans", "cuml.cluster.kmeans_mg:KMeansMG"),
        ("LinearRegression", "cuml.linear_model.linear_regression_mg:LinearRegressionMG"),
        ("PCA", "cuml.decomposition.pca_mg:PCAMG"),
        ("Ridge", "cuml.linear_model.ridge_mg:RidgeMG"),
        ("TruncatedSVD", "cuml.decomposition.tsvd_mg:TSVDMG"),
    ],
)
def test_each_worker_takes_the_parameters_and_gives_one_devices_estimator(name: str, several: str) -> None:
    parameters = parameters_of(name)
    made = member(several)(handle=None, output_type="cupy", **parameters)
    assert {key: made.get_params()[key] for key in parameters} == parameters
    assert issubclass(member(several), member(counterpart_of(host(name)))), "so as_sklearn saves it"


def test_k_means_begins_as_several_devices_can() -> None:
    assert parameters_of("KMeans")["init"] in {"scalable-k-means++", "k-means||"}, "KMeansMG refuses k-means++"


def test_importing_cuml_leaves_dasks_configuration_as_it_is() -> None:
    dask = import_module("dask")
    before = dask.config.get("dataframe.shuffle.method", None)
    found = import_module("gpupipe.engines.dask_cuda.learners").distributed_class("Ridge")
    assert found.__module__ == "cuml.dask.linear_model.ridge"
    assert dask.config.get("dataframe.shuffle.method", None) == before


def test_what_cuml_does_otherwise_is_left_to_one_worker() -> None:
    assert why_alone(Training(LinearRegression(), ("a", "b"), "y", None), Schema(())) is None
    with pytest.raises((ValueError, UnsupportedError), match="positive"):
        member(counterpart_of(LinearRegression()))._params_from_cpu(LinearRegression(positive=True))
    source = inspect.getsource(member("cuml.dask.linear_model.lasso:Lasso"))
    assert "self.solver = CD(" in source, "Lasso has a model of its own now: see choice.py"


def host(name: str) -> Any:
    """Return scikit-learn's estimator of a name, with a parameter that cuml.dask needs to be a number."""
    modules = ("sklearn.linear_model", "sklearn.decomposition", "sklearn.cluster", "sklearn.naive_bayes")
    (kind,) = [getattr(import_module(module), name) for module in modules if hasattr(import_module(module), name)]
    return kind(n_components=2) if name in {"PCA", "TruncatedSVD"} else kind()


def parameters_of(name: str) -> dict[str, Any]:
    """Return what cuML's estimator of one device makes of scikit-learn's parameters."""
    if name == "MultinomialNB":
        return {"alpha": 1.0, "fit_prior": True, "class_prior": None}
    witness, _ = witness_of(host(name))
    parameters: dict[str, Any] = member(counterpart_of(host(name)))._params_from_cpu(witness)
    return parameters
