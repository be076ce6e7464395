"""Trained models as ONNX files, each checked by onnxruntime before it is put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.errors import ArtefactError, UsageError, listing
from gpupipe.core.work import WorkFolder
from gpupipe.engines import _onnx
from gpupipe.engines.load import table_of_plain
from gpupipe.models._estimator import takes_missing
from gpupipe.models._labels import probability_names
from gpupipe.models.learn import Learned
from gpupipe.stages.chain import Chain

CHECKED_ROWS = 10_000  # of those that are given, the first
_TOLERANCE = 1e-5
_TOLD = 120  # characters of what a converter says
_ADVICE = " To look at the given rows alone, where none of these is among them: made_up=False, or --given-rows."


@dataclass(frozen=True)
class OnnxExport:
    """What was exported, and how it was checked.

    Parameters
    ----------
    inputs
        The inputs of the file, which are the features, with ``"double"`` or ``"string"``.
    outputs
        Its outputs, which are the columns that the model makes.
    n_rows
        The rows whose answers were compared, made-up ones among them.
    largest_difference
        Of all numbers, in parts of the largest one of its column.
    knows_missing
        Whether it also answers as the model does where a feature is missing (NaN).
    precision
        In which numbers it computes.
    """

    path: Path
    inputs: Mapping[str, str]
    outputs: tuple[str, ...]
    n_rows: int
    largest_difference: float
    knows_missing: bool
    precision: str


def export_onnx(
    model: Any, path: str | Path, rows: Any, *, tolerance: float = _TOLERANCE, made_up: bool = True, overwrite: bool = False
) -> OnnxExport:
    """Return what was written: a trained model of scikit-learn or XGBoost as an ONNX file that answers as the model does.

    The file has an input for each feature, by its name, and an output for each column that the model makes: ``prediction`` and
    ``probability``, ``cluster``, or a transformer's columns (with ``_transformed`` behind them where a feature is called so). An array of
    one dimension is a column; numbers are doubles, a missing one is NaN.

    Before it is put in its place, onnxruntime answers to the given rows, to as many with each column shuffled, and to as many whose
    fractions lie in the middle between two neighbours, where trees split. Labels and clusters must be the model's own, except where two
    classes are as probable as each other; other numbers may differ by `tolerance`.

    Parameters
    ----------
    model
        A trained `Learn`, of a run's result or loaded.
    path
        The file to write.
    rows
        A plain frame with the features: Polars, pandas or Arrow. The first 10,000 rows are looked at; those that the model was trained on
        are the best ones, since they know where its trees split.
    tolerance
        By how much a number may differ, in parts of the largest number of its column: the single precision of most graphs has 6e-8.
    made_up
        Whether more rows than the given ones are looked at, as told above.

    Raises
    ------
    ArtefactError
        The estimator cannot be converted, or the file answers otherwise than the model; nothing is written.
    MissingExtraError
        The extra ``onnx`` is not installed.

    Examples
    --------
    >>> import polars as pl, tempfile
    >>> from sklearn.linear_model import LinearRegression
    >>> from gpupipe import Learn
    >>> frame = pl.DataFrame({"x": [0.0, 1.0, 2.0], "y": [1.0, 3.0, 5.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = export_onnx(Learn(LinearRegression(), target="y").fit_plain(frame), f"{folder}/line.onnx", frame)
    >>> made.inputs, made.outputs
    ({'x': 'double'}, ('prediction',))
    """
    learned, target = _learned(model), Path(path)
    if target.suffix != ".onnx":
        raise UsageError(f"Expected a path that ends in .onnx, got {str(target)!r}.")
    if not 0 < tolerance < 1:
        raise UsageError(f"Expected a tolerance between 0 and 1, got {tolerance!r}.")
    if target.is_dir() or (target.exists() and not overwrite):
        what = "is a folder" if target.is_dir() else "exists already"
        raise ArtefactError(f"{target} {what}. Choose another path, or replace a file: overwrite=True.")
    _onnx.require_onnx()
    table = table_of_plain(learned, learned.features, rows).slice(0, CHECKED_ROWS)
    asked = _asked(learned, table)
    check = _Check(checked_rows(table, asked.texts) if made_up else table, table.num_rows, tolerance)
    content, made = _agreeing(learned, asked, check, target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with WorkFolder.beside(target) as work:
            work.new.write_bytes(content)
            work.put()
    except OSError as error:
        raise ArtefactError(f"{target} could not be written: {error}. Choose another path.") from error
    return made


def _learned(model: Any) -> Learned:
    """Return the trained model, also where it is all that a chain has."""
    if isinstance(model, Chain) and len(model.stages) == 1:
        return _learned(model.stages[0])
    if isinstance(model, Chain):
        msg = (
            f"Expected a trained model alone, got a chain of {listing(stage.name for stage in model.stages)}: ONNX has no counterpart "
            "of table stages. Export the model, or put what comes before into its estimator: make_pipeline(StandardScaler(), ...)."
        )
        raise UsageError(msg)
    if not isinstance(model, Learned) or model.model is None:
        raise UsageError(f"Expected a trained model, such as result['model'] or gpupipe.load(folder), got {type(model).__name__}.")
    if not {"predict", "transform"} & set(model.methods):
        raise UsageError(f"{model.estimator} answers for the rows it is fitted to alone, and so has nothing to export.")
    return model


def _asked(learned: Learned, table: pa.Table) -> _onnx.OnnxModel:
    """Return what is to be converted; raise where the rows cannot show whether it agrees."""
    if not table.num_rows:
        raise UsageError("Expected rows to check the file with, got none.")
    texts = frozenset(learned.texts)
    lacking = [name for name in learned.features if name in texts and table[name].null_count]
    if lacking:
        msg = f"Text that is missing has no counterpart in ONNX, and there is some in {listing(lacking)}. Fill it: gp.FillNull."
        raise ArtefactError(msg)
    whole = frozenset(
        name for name in learned.features if name not in texts and pa.types.is_integer(table[name].type) and not table[name].null_count
    )
    labels = {"classifier": "prediction", "regressor": "prediction", "clusterer": "cluster", "transformer": None}[learned.task]
    probable = probability_names(learned.classes) if "predict_proba" in learned.methods else ()
    columns = tuple(learned.outputs) if labels is None else tuple(probable)
    classes, exact = tuple(learned.classes) if learned.coded else (), learned.task in ("classifier", "clusterer")
    return _onnx.OnnxModel(learned.model, learned.features, texts, whole, labels, exact, columns, classes)


@dataclass(frozen=True)
class _Check:
    """How an export is checked: by which rows, the first `n_given` of which are not made up, and how exactly."""

    rows: pa.Table
    n_given: int
    tolerance: float


def _agreeing(learned: Learned, asked: _onnx.OnnxModel, check: _Check, target: Path) -> tuple[bytes, OnnxExport]:
    """Return the first form of a model that answers as the model does, and what is told of it.

    Raises
    ------
    ArtefactError
        None does; what is told is why.
    """
    wanted = _answers(learned, asked, check.rows)
    reasons: dict[str, list[str]] = {}
    for form in asked.forms:
        try:
            content = _onnx.converted(asked, form, _described(learned))
            got = _onnx.answered(content, check.rows, asked.texts)
        except Exception as error:  # noqa: BLE001  # converters and the runtime raise whatever they meet; the next form may do
            reasons.setdefault(f"{type(error).__name__}: {' '.join(str(error).split())[:_TOLD]}", []).append(str(form))
            continue
        worst, reason = compared(asked, wanted, got, check.tolerance, check.n_given)
        if reason is None:
            knows = _knows_missing(learned, asked, check, content)
            inputs = {name: "string" if name in asked.texts else "double" for name in asked.features}
            return content, OnnxExport(target, inputs, tuple(got), check.rows.num_rows, worst, knows, str(form))
        reasons.setdefault(reason, []).append(str(form))
    told = "; ".join(f"in {' and in '.join(forms)}: {reason}" for reason, forms in reasons.items())
    versions = ", ".join(f"{name} {version(name)}" for name in ("skl2onnx", "onnxmltools", "onnxruntime"))
    msg = f"{learned.estimator} cannot be exported to ONNX, and nothing was written. It was tried ({versions}) {told}."
    raise ArtefactError(f"{msg} To score files with it, use gpupipe predict.{_ADVICE if '(0 of the' in told else ''}")


def _described(learned: Learned) -> str:
    """Return what the file says of itself."""
    return f"{learned.estimator}{'' if learned.target is None else f' for {learned.target}'}, exported by gpupipe {version('gpupipe')}"


def checked_rows(table: pa.Table, texts: frozenset[str]) -> pa.Table:
    """Return rows, the same with each column shuffled, and the same with fractions in the middle of two neighbouring values.

    Examples
    --------
    >>> checked_rows(pa.table({"x": [1.5, 2.5]}), frozenset())["x"].to_pylist()[4:]
    [2.0, 2.0]
    """
    chance, n_rows = np.random.default_rng(0), table.num_rows
    shuffled, middle = {}, {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        shuffled[name] = middle[name] = column.take(pa.array(chance.permutation(n_rows)))
        if name not in texts and pa.types.is_floating(column.type):
            values = np.unique(column.drop_null().to_numpy())
            values = values[np.isfinite(values)]
            if len(values) > 1:
                middle[name] = pa.array(chance.choice(values[:-1] / 2 + values[1:] / 2, n_rows), type=column.type)
    return pa.concat_tables([table, *(pa.table(each, schema=table.schema) for each in (shuffled, middle))])


def _answers(learned: Learned, asked: _onnx.OnnxModel, rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return what the model itself says, a column for each output."""
    made: dict[str, Any] = {}
    if asked.labels is not None:
        made[asked.labels] = learned.using("predict").apply(rows)[asked.labels]
    if asked.columns:
        told = learned.using("transform" if asked.labels is None else "predict_proba").apply(rows)
        made |= {name: told[column] for name, column in zip(asked.outputs, asked.columns, strict=True)}
    return made


def compared(
    asked: _onnx.OnnxModel, wanted: Mapping[str, pa.ChunkedArray], got: Mapping[str, Any], tolerance: float, n_given: int
) -> tuple[float, str | None]:
    """Return the largest difference of numbers, and what is to be said where a column differs by more than is allowed."""
    worst, tied = 0.0, _tied({name: wanted[name] for name in asked.outputs} if asked.labels is not None else {}, tolerance)
    for name, column in wanted.items():
        answer = np.asarray(got[name])
        if name == asked.labels and asked.exact:
            other = ~_same_labels(column, answer) & ~tied
            if other.any():
                return worst, f"{_counted(other, n_given)} have another {name}"
            continue
        known = np.asarray(pc.cast(column, pa.float64()).fill_null(np.nan))
        finite = np.abs(known[np.isfinite(known)])
        scale = finite.max() if len(finite) and finite.max() > 0 else 1.0
        with np.errstate(invalid="ignore"):
            differences = np.where((known == answer) | (np.isnan(known) & np.isnan(answer)), 0.0, np.abs(known - answer) / scale)
        differences = np.where(np.isnan(differences), np.inf, differences)
        worst = max(worst, float(differences.max()))
        if worst > tolerance:
            other = differences > tolerance
            told = _counted(other, n_given)
            return worst, f"column {name!r} differs by up to {worst:.2g} of its largest number, more than {tolerance:g}, in {told}"
    return worst, None


def _counted(other: Any, n_given: int) -> str:
    """Return how many rows are answered otherwise, and how many of them are not made up."""
    told = f"{int(other.sum()):,} of {len(other):,} rows"
    return told if len(other) == n_given else f"{told} ({int(other[:n_given].sum()):,} of the {n_given:,} given ones)"


def _is_text(column: pa.ChunkedArray) -> bool:
    """Whether a column holds text."""
    return any(is_one(column.type) for is_one in (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary))


def _same_labels(column: pa.ChunkedArray, answer: Any) -> Any:
    """Return which labels are the same; truth values are also 0 and 1."""
    if _is_text(column):
        return np.array([one == other for one, other in zip(column.to_pylist(), map(str, answer.tolist()), strict=True)])
    return np.array([one == other for one, other in zip(column.to_pylist(), answer.tolist(), strict=True)])


def _tied(probable: Mapping[str, pa.ChunkedArray], tolerance: float) -> Any:
    """Return in which rows the two most probable classes are as probable as each other, as far as that can be told."""
    if not probable:
        return np.False_
    made = np.stack([np.asarray(column) for column in probable.values()], axis=1)
    if made.shape[1] == 1:
        made = np.concatenate([made, 1 - made], axis=1)
    first, second = np.sort(made, axis=1)[:, -1], np.sort(made, axis=1)[:, -2]
    return first - second <= 2 * tolerance


def _knows_missing(learned: Learned, asked: _onnx.OnnxModel, check: _Check, content: bytes) -> bool:
    """Whether a file answers as the model does where numbers are missing; rows that lack some have been looked at already."""
    numbers = [name for name in asked.features if name not in asked.texts]
    table = check.rows.slice(0, check.n_given)
    if any(table[name].null_count for name in numbers):
        return True
    if not numbers or not takes_missing(learned.model):
        return False
    lacks = np.arange(table.num_rows) % len(numbers)
    for place, name in enumerate(numbers):
        column = pc.if_else(pa.array(lacks != place), table[name].combine_chunks(), pa.scalar(None, table[name].type))
        table = table.set_column(table.column_names.index(name), name, column)
    try:
        wanted = _answers(learned, asked, table)
        answers = _onnx.answered(content, table, asked.texts)
    except Exception:  # noqa: BLE001  # the model itself takes none, whatever its tags say, or the runtime does not
        return False
    return compared(asked, wanted, answers, check.tolerance, check.n_given)[1] is None
