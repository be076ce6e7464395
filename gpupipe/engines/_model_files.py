"""Estimators as files without pickle: XGBoost's own UBJ, and skops for scikit-learn, of trusted types alone and looked through."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gpupipe.core.errors import ArtefactError, GpupipeError, MissingExtraError, listing
from gpupipe.engines._booster_check import check_booster
from gpupipe.engines._estimators import is_xgboost
from gpupipe.engines._model_check import check_model

if TYPE_CHECKING:
    from pathlib import Path

XGBOOST = tuple(f"xgboost.sklearn:{name}" for name in ("XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor"))
UNPACKED_BYTES = 1 << 30  # of sparse matrices, which are the one thing in a model's file that is packed
# What estimators of scikit-learn hold beyond the types that skops trusts by itself, by the way in which skops writes it: with another one,
# a type could be called with arguments out of the file.
_BY_LOADER: Mapping[str, Mapping[str, Sequence[str]]] = {
    "TreeNode": {"sklearn.tree._tree": ["Tree"]},
    "DTypeNode": {"numpy": ["dtype"]},
    "DictNode": {"sklearn.utils._bunch": ["Bunch"]},
    "SparseMatrixNode": {"scipy.sparse._csr": ["csr_array", "csr_matrix"], "scipy.sparse._csc": ["csc_array", "csc_matrix"]},
    "FunctionNode": {
        "numpy": ["mean"],
        "scipy._lib.array_api_compat.numpy._aliases": ["asarray"],
        "sklearn.cluster._kmeans": ["_kmeans_single_lloyd", "_kmeans_single_elkan"],
        "sklearn.feature_selection._univariate_selection": ["f_classif", "f_regression", "r_regression", "chi2"],
        "sklearn.feature_selection._mutual_info": ["mutual_info_classif", "mutual_info_regression"],
        "sklearn.metrics._classification": ["accuracy_score", "balanced_accuracy_score", "f1_score", "log_loss"],
        "sklearn.metrics._ranking": ["average_precision_score", "roc_auc_score"],
        "sklearn.metrics._regression": ["mean_absolute_error", "mean_squared_error", "r2_score", "root_mean_squared_error"],
    },
    "ObjectNode": {
        "scipy.interpolate._bsplines": ["BSpline"],
        "sklearn._loss.loss": ["HalfTweedieLoss", "HalfTweedieLossIdentity"],
        "sklearn.calibration": ["_CalibratedClassifier", "_SigmoidCalibration", "_TemperatureScaling"],
        "sklearn.cluster._bisect_k_means": ["_BisectingTree"],
        "sklearn.ensemble._hist_gradient_boosting.predictor": ["TreePredictor"],
        "sklearn.gaussian_process._gpc": ["_BinaryGaussianProcessClassifierLaplace"],
        "sklearn.gaussian_process.kernels": [
            *("CompoundKernel", "ConstantKernel", "DotProduct", "ExpSineSquared", "Exponentiation", "Matern", "PairwiseKernel"),
            *("Product", "RBF", "RationalQuadratic", "Sum", "WhiteKernel"),
        ],
        "sklearn.metrics._dist_metrics": ["ChebyshevDistance64", "EuclideanDistance64", "ManhattanDistance64"],
        "sklearn.metrics._scorer": ["_PassthroughScorer", "_Scorer"],
        "sklearn.model_selection._split": ["KFold", "StratifiedKFold"],
        "sklearn.neighbors._ball_tree": ["BallTree"],
        "sklearn.neighbors._kd_tree": ["KDTree"],
        "sklearn.neural_network._stochastic_optimizers": ["AdamOptimizer", "SGDOptimizer"],
        "sklearn.utils._metadata_requests": ["MetadataRequest", "MethodMetadataRequest"],  # a search of scikit-learn 1.7.0 holds them
    },
}
TRUSTED = {f"{module}.{name}": loader for loader, held in _BY_LOADER.items() for module, names in held.items() for name in names}


def save_model(model: Any, folder: Path) -> dict[str, Any]:
    """Return what `load_model` needs to know of the estimator that is written into the folder.

    A model that lives on a device is written as the estimator that predicts the same without one.

    Raises
    ------
    ArtefactError
        Where the estimator holds something that skops cannot write.
    """
    if callable(getattr(model, "portable", None)):
        model = model.portable()
    kind = type(model)
    if is_xgboost(model):
        model.save_model(folder / "model.ubj")
        parameters = {name: value for name, value in model.get_params().items() if _is_plain(value) and name != "device"}
        return {"file": "model.ubj", "class": f"{kind.__module__}:{kind.__qualname__}", "parameters": parameters}
    try:
        _skops().dump(model, folder / "model.skops")
    except (TypeError, ValueError, AttributeError) as error:
        msg = f"{kind.__name__} cannot be written without pickle: {error}. Use an estimator of scikit-learn or XGBoost."
        raise ArtefactError(msg) from error
    return {"file": "model.skops", "class": f"{kind.__module__}:{kind.__qualname__}"}


def _is_plain(value: Any) -> bool:
    """Whether JSON gives the value back as it is."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def _skops() -> Any:
    """Return skops.io, or say how to install it."""
    try:
        return importlib.import_module("skops.io")
    except ImportError as error:
        raise MissingExtraError.of("Saving and loading scikit-learn's estimators needs skops", "cpu") from error


def load_model(content: bytes, facts: Any, trusted: Sequence[str]) -> Any:
    """Return the estimator written by `save_model`.

    Parameters
    ----------
    content
        What is in the file that the facts name.
    trusted
        The exact names of types that may be made, beyond those that skops trusts and `TRUSTED`.

    Raises
    ------
    ArtefactError
        The file holds a type that is not trusted, or is not sound.
    """
    try:
        return _booster(content, facts) if facts["file"] == "model.ubj" else _estimator(content, facts, trusted)
    except GpupipeError:
        raise
    except Exception as error:  # whatever a library says of a file that is not one of its own
        msg = f"The model is damaged: {type(error).__name__}: {error}. Copy the whole folder again, or save the stage again."
        raise ArtefactError(msg) from error


def _booster(content: bytes, facts: Mapping[str, Any]) -> Any:
    """Return one of XGBoost's estimators."""
    if facts["class"] not in XGBOOST:
        msg = f"Expected an estimator of XGBoost, {listing(XGBOOST)}, got {facts['class']!r}."
        raise ArtefactError(msg)
    try:
        module = importlib.import_module("xgboost.sklearn")
    except ImportError as error:
        raise MissingExtraError.of("Loading this model needs XGBoost", "cpu") from error
    check_booster(content)
    model = getattr(module, facts["class"].partition(":")[2])(**facts["parameters"])
    model.load_model(bytearray(content))
    return model


def _estimator(content: bytes, facts: Mapping[str, Any], trusted: Sequence[str]) -> Any:
    """Return an estimator that skops has written."""
    skops = _skops()
    loaders = _loaders_in(content)
    asked = skops.get_untrusted_types(data=content)
    strange = [name for name in asked if name not in trusted and loaders.get(name, set()) != {TRUSTED.get(name)}]
    if strange:
        msg = f"The model holds types that are not trusted: {listing(strange)}. If you know where it comes from, pass them as trusted."
        raise ArtefactError(msg)
    model = skops.loads(content, trusted=asked)
    kind = f"{type(model).__module__}:{type(model).__qualname__}"
    if kind != facts["class"] or not callable(getattr(model, "get_params", None)):
        msg = f"Expected the estimator {facts['class']!r}, got {kind!r}."
        raise ArtefactError(msg)
    check_model(model)
    return model


def _loaders_in(content: bytes) -> dict[str, set[str]]:
    """Return in which ways the types of a file of skops' are written, after a look at its size unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        n_bytes = 0
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                msg = f"{entry.filename} is packed, which save does not do"
                raise ValueError(msg)
            if entry.filename.endswith(".npz"):
                with archive.open(entry) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as inner:
                    n_bytes += sum(part.file_size for part in inner.infolist())
        if n_bytes > UNPACKED_BYTES:
            msg = f"its sparse matrices are {n_bytes:,} bytes unpacked, more than {UNPACKED_BYTES:,}"
            raise ValueError(msg)
        found: dict[str, set[str]] = {}
        for name, loader in _nodes(json.loads(archive.read("schema.json"))):
            found.setdefault(name, set()).add(loader)
        return found


def _nodes(schema: Any) -> Iterator[tuple[str, str]]:
    """Yield the type and the loader of each node in what skops' file says of itself."""
    waiting = [schema]
    while waiting:
        held = waiting.pop()
        if isinstance(held, dict):
            if "__loader__" in held:
                yield f"{held.get('__module__')}.{held.get('__class__')}", str(held["__loader__"])
            waiting += held.values()
        elif isinstance(held, list):
            waiting += held
