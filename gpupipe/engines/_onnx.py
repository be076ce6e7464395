"""Trained estimators as ONNX graphs, by skl2onnx and onnxmltools, and what onnxruntime answers to rows.

The graph that the converters make takes one matrix and gives labels and a matrix. Around it stand an input for each feature and an output
for each column that the model makes, so that nobody has to know an order of columns.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from gpupipe.core.errors import MissingExtraError
from gpupipe.core.named_features import takes_names

# An operator set that onnxruntime has known since its version 1.14; ai.onnx.ml 3 has trees whose thresholds are doubles.
_OPSETS: Mapping[str, int] = {"": 18, "ai.onnx.ml": 3}
_MATRIX, _INSIDE, _OPTIONS = "X", "model/", {"zipmap": False}


@dataclass(frozen=True)
class OnnxForm:
    """In which numbers a model is fed: what a graph does with doubles before the model sees them.

    Parameters
    ----------
    numbers
        ``"double"``: nothing; ``"rounded"``: they are rounded to single precision, as scikit-learn's trees do, and computed with as
        doubles; ``"single"``: they are computed with in single precision.
    whole
        Whether features of whole numbers are given as such.
    """

    numbers: str
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.numbers} precision{', whole numbers as such' if self.whole else ''}"


@dataclass(frozen=True)
class OnnxModel:
    """What is to be converted.

    Parameters
    ----------
    features
        The names of the inputs.
    texts, whole
        The features that are text, and that are whole numbers.
    labels
        The output with a classifier's labels, a regressor's numbers or a clusterer's clusters; None for a transformer.
    exact
        Whether those are labels or clusters, of which each is right or wrong.
    columns
        The outputs for the columns of a matrix: probabilities, or what a transformer makes.
    classes
        Labels by the numbers that the estimator knows them by, where it knows no others.
    """

    estimator: Any
    features: tuple[str, ...]
    texts: frozenset[str]
    whole: frozenset[str]
    labels: str | None
    exact: bool
    columns: tuple[str, ...]
    classes: tuple[Any, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs for columns: no output can have an input's."""
        return tuple(f"{name}_transformed" if name in self.features else name for name in self.columns)

    @property
    def forms(self) -> tuple[OnnxForm, ...]:
        """The forms that may do: the most exact one first, but of trees the one that most of them have, since large ones take long."""
        if not set(self.features) - self.texts:
            return (OnnxForm("double"),)
        numbers = ("single", "rounded", "double") if _has_trees(self.estimator) else ("double", "rounded", "single")
        some = bool(self.whole) if takes_names(self.estimator) else self.whole == set(self.features)
        return tuple(OnnxForm(one, whole) for one in numbers for whole in ((False, True) if some else (False,)))


def _has_trees(estimator: Any) -> bool:
    """Whether an estimator is one of trees."""
    return type(estimator).__module__.startswith(("sklearn.tree", "sklearn.ensemble", "xgboost"))


def require_onnx() -> None:
    """Raise MissingExtraError where what converts and checks is not installed."""
    try:
        import onnxmltools  # noqa: F401  # local: loads XGBoost
        import onnxruntime  # noqa: F401  # local: tens of megabytes
        import skl2onnx  # noqa: F401  # local: loads scikit-learn
    except ImportError as error:
        raise MissingExtraError.of(f"An export to ONNX needs {error.name}", "cpu", "onnx") from error


def converted(asked: OnnxModel, form: OnnxForm, told: str) -> bytes:
    """Return a model as an ONNX file, `told` being its description. Whatever the converters raise comes through."""
    from onnx import compose  # local: only an export needs it
    from skl2onnx import to_onnx  # local: as above

    _register_boosters()
    estimator = _as_converters_know(asked.estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of converters: they speak of versions, and the check is ours
        inner = to_onnx(
            estimator,
            initial_types=_types(asked, form),
            target_opset=dict(_OPSETS),
            options=_OPTIONS if hasattr(estimator, "predict_proba") else None,
        )
    inner = compose.add_prefix(inner, _INSIDE)
    made: bytes = _with_columns(inner, asked, form, told).SerializeToString()
    return made


def _register_boosters() -> None:
    """Tell skl2onnx how XGBoost's estimators are converted, also those inside a Pipeline; again is no harm."""
    from onnxmltools.convert.xgboost.operator_converters import XGBoost  # local: only an export needs it
    from skl2onnx import update_registered_converter  # local: as above
    from skl2onnx.common.shape_calculator import (  # local: as above
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )
    from xgboost import sklearn as boosters  # local: as above

    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    for name in ("XGBClassifier", "XGBRFClassifier"):
        shapes = calculate_linear_classifier_output_shapes
        update_registered_converter(getattr(boosters, name), f"gpupipe{name}", shapes, XGBoost.convert_xgboost, options=options)
    for name in ("XGBRegressor", "XGBRFRegressor"):
        update_registered_converter(
            getattr(boosters, name), f"gpupipe{name}", calculate_linear_regressor_output_shapes, XGBoost.convert_xgboost
        )


def _as_converters_know(estimator: Any) -> Any:
    """Return an estimator as it answers: boosters without the rounds after the best one, a ranker as a regressor of its scores."""
    made = estimator.portable() if callable(getattr(estimator, "portable", None)) else estimator
    if not type(made).__module__.startswith("xgboost"):
        return made
    from xgboost import sklearn as boosters  # local: only XGBoost's own need it

    booster = made.get_booster()
    booster = booster.copy() if made.early_stopping_rounds is None else booster[: made.best_iteration + 1]
    booster.feature_names = None  # the converter knows positions alone
    if isinstance(made, boosters.XGBRanker):
        content = json.loads(booster.save_raw("json"))
        content["learner"]["objective"] = {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}}
        return _loaded(boosters.XGBRegressor(), json.dumps(content).encode())
    return _loaded(type(made)(**{**made.get_params(), "early_stopping_rounds": None}), booster.save_raw("ubj"))


def _loaded(estimator: Any, content: bytes | bytearray) -> Any:
    """Return one of XGBoost's estimators with the trees of a file."""
    estimator.load_model(bytearray(content))
    return estimator


def _types(asked: OnnxModel, form: OnnxForm) -> list[tuple[str, Any]]:
    """Return the inputs of the inner graph: one for each feature, or one matrix."""
    from skl2onnx.common import data_types as types  # local: only an export needs it

    numbers = types.FloatTensorType if form.numbers == "single" else types.DoubleTensorType

    def kind(name: str) -> Any:
        if name in asked.texts:
            return types.StringTensorType
        return types.Int64TensorType if form.whole and name in asked.whole else numbers

    if takes_names(asked.estimator):
        return [(name, kind(name)([None, 1])) for name in asked.features]
    kinds = {kind(name) for name in asked.features}
    if len(kinds) > 1:
        raise TypeError("features of text and of numbers make no matrix; choose them by name in a ColumnTransformer")
    return [(_MATRIX, kinds.pop()([None, len(asked.features)]))]


def _with_columns(inner: Any, asked: OnnxModel, form: OnnxForm, told: str) -> Any:
    """Return a graph of one input a feature and one output a column, with another one inside."""
    from onnx import TensorProto, helper  # local: only an export needs it

    nodes, constants = _columns_in(asked, form)
    given = {name: TensorProto.STRING if name in asked.texts else TensorProto.DOUBLE for name in asked.features}
    inputs = [helper.make_tensor_value_info(name, kind, ["rows"]) for name, kind in given.items()]
    tail, more, outputs = _columns_out(inner, asked)
    graph = helper.make_graph(
        [*nodes, *inner.graph.node, *tail],
        "gpupipe",
        inputs,
        outputs,
        initializer=[*constants, *inner.graph.initializer, *more],
        sparse_initializer=list(inner.graph.sparse_initializer),
    )
    made = helper.make_model(
        graph, opset_imports=list(inner.opset_import), ir_version=inner.ir_version, producer_name="gpupipe", doc_string=told
    )
    made.functions.extend(inner.functions)
    return made


def _columns_in(asked: OnnxModel, form: OnnxForm) -> tuple[list[Any], list[Any]]:
    """Return the nodes and constants that make what the inner graph takes of one array a feature."""
    from onnx import TensorProto, helper  # local: only an export needs it

    named = takes_names(asked.estimator)
    nodes, constants = [], [helper.make_tensor("gpupipe/one", TensorProto.INT64, [1], [1])]
    stood = []
    for number, name in enumerate(asked.features):
        upright = f"gpupipe/upright/{number}"
        nodes.append(helper.make_node("Unsqueeze", [name, "gpupipe/one"], [upright]))
        if name in asked.texts:
            steps: list[Any] = []
        elif form.whole and name in asked.whole:
            steps = [TensorProto.INT64]
        else:
            steps = {"double": [], "rounded": [TensorProto.FLOAT, TensorProto.DOUBLE], "single": [TensorProto.FLOAT]}[form.numbers]
        for step, kind in enumerate(steps):
            nodes.append(helper.make_node("Cast", [upright], [f"{upright}/{step}"], to=kind))
            upright = f"{upright}/{step}"
        stood.append(upright)
    if named:
        nodes += [helper.make_node("Identity", [one], [f"{_INSIDE}{name}"]) for one, name in zip(stood, asked.features, strict=True)]
    else:
        nodes.append(helper.make_node("Concat", stood, [f"{_INSIDE}{_MATRIX}"], axis=1))
    return nodes, constants


def _columns_out(inner: Any, asked: OnnxModel) -> tuple[list[Any], list[Any], list[Any]]:
    """Return the nodes and constants that make one array a column of what the inner graph gives, and these as outputs."""
    from onnx import TensorProto, helper  # local: only an export needs it

    given = list(inner.graph.output)
    nodes, outputs = [], []
    constants = [helper.make_tensor("gpupipe/all", TensorProto.INT64, [1], [-1])]
    if asked.labels is not None:
        kind = given[0].type.tensor_type.elem_type
        last = "gpupipe/labels" if asked.classes else asked.labels
        nodes.append(helper.make_node("Reshape", [given[0].name, "gpupipe/all"], [last]))
        if asked.classes:
            classes, kind = _classes(asked.classes)
            constants.append(classes)
            nodes.append(helper.make_node("Gather", ["gpupipe/classes", last], [asked.labels]))
        outputs.append(helper.make_tensor_value_info(asked.labels, kind, ["rows"]))
    matrix, first = given[-1], int(asked.columns == ("probability",))  # of two classes the second one is told
    for number, name in enumerate(asked.outputs):
        constants.append(helper.make_tensor(f"gpupipe/place/{number}", TensorProto.INT64, [], [number + first]))
        nodes.append(helper.make_node("Gather", [matrix.name, f"gpupipe/place/{number}"], [name], axis=1))
        outputs.append(helper.make_tensor_value_info(name, matrix.type.tensor_type.elem_type, ["rows"]))
    return nodes, constants, outputs


def _classes(classes: Sequence[Any]) -> tuple[Any, Any]:
    """Return the labels of a classifier as a constant, and their type."""
    from onnx import TensorProto, helper  # local: only an export needs it

    kinds = ((bool, TensorProto.BOOL), (int, TensorProto.INT64), (str, TensorProto.STRING))
    kind = next((kind for of, kind in kinds if all(type(one) is of for one in classes)), TensorProto.DOUBLE)
    values: Any = [one.encode() if isinstance(one, str) else one for one in classes]
    return helper.make_tensor("gpupipe/classes", kind, [len(classes)], values), kind


def answered(content: bytes, table: pa.Table, texts: frozenset[str]) -> dict[str, Any]:
    """Return what onnxruntime answers to rows, an array for each output."""
    import onnxruntime  # local: only an export needs it

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it cannot do it raises
    runtime = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    given = {
        name: np.array(table[name].to_pylist(), dtype=object)
        if name in texts
        else np.asarray(table[name].cast(pa.float64(), safe=False).fill_null(np.nan))
        for name in table.column_names
    }
    return dict(zip([one.name for one in runtime.get_outputs()], runtime.run(None, given), strict=True))
