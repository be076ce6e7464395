"""What came out of a run on a page: outputs, scores with their curves, and the models behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpupipe.report.bars import bars
from gpupipe.report.cards import CURVES_TOGETHER, Part, chart, details, fact_text, facts, group, heading, link, points_table, table, text
from gpupipe.report.charts import Axis, DrawnCurve, line_chart, room_for, tick_text
from gpupipe.report.form import Report, Stage
from gpupipe.report.units import UNKNOWN, number_text, plural, rows_text

MOST_BARS = 20
METRICS_BESIDE = 4
# Kind of curve to its name, what runs along it, and what runs up.
_CURVE_AXES = {
    "roc": ("ROC curve", "false positive rate", "true positive rate"),
    "precision_recall": ("Precision and recall", "recall", "precision"),
    "calibration": ("Calibration", "predicted probability", "observed share"),
}


def is_table(value: object) -> bool:
    """Return whether an output is a table that was written, or kept, somewhere.

    Examples
    --------
    >>> is_table({"rows": 3, "columns": 2, "path": None}), is_table({"roc_auc": 0.8})
    (True, False)
    """
    return isinstance(value, Mapping) and "rows" in value and "columns" in value


def is_model(value: object) -> bool:
    """Return whether an output is a fitted stage, or something else that is saved: a graph, a tensor.

    Examples
    --------
    >>> is_model({"fitted": "XGBClassifier", "path": None}), is_model({"held": "graph", "told": "2 vertices, 1 edges", "path": None})
    (True, True)
    """
    return isinstance(value, Mapping) and ("fitted" in value or "held" in value)


def flat_outputs(report: Report) -> dict[str, Any]:
    """Return the outputs with those inside a mapping of outputs by both names.

    Examples
    --------
    >>> flat_outputs({"outputs": {"n": {"all": 3, "few": 1}, "s": {"r2": 0.5}}, "output_stages": {"n.all": 0, "n.few": 1, "s": 2}})
    {'n all': 3, 'n few': 1, 's': {'r2': 0.5}}
    """
    return dict(_flat(report["outputs"], report.get("output_stages") or {}, ()))


def _flat(outputs: Mapping[str, Any], stages: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, value in outputs.items():
        names = (*above, str(name))
        inner = isinstance(value, Mapping) and not is_table(value) and not is_model(value)
        # Of a report that does not know which stage an output is of, a mapping is one of outputs where it holds others.
        one = ".".join(names) in stages if stages else not (inner and any(isinstance(part, Mapping) for part in value.values()))
        if inner and not one:
            yield from _flat(value, stages, names)
        else:
            yield " ".join(names), value


def is_score(value: object) -> bool:
    """Return whether an output is metrics: names with numbers.

    Examples
    --------
    >>> is_score({"r2": 0.5, "mape": None}), is_score(3), is_score({"rows": 3, "columns": 2, "path": None})
    (True, False, False)
    """
    if not isinstance(value, Mapping) or is_table(value) or is_model(value):
        return False
    return bool(value) and all(
        number is None or (isinstance(number, int | float) and not isinstance(number, bool)) for number in value.values()
    )


def output_text(value: object) -> str:
    """Return an output in words.

    Examples
    --------
    >>> output_text({"rows": 10_000, "columns": 45, "path": "out"}), output_text({"roc_auc": 0.87})
    ('10,000 rows × 45 columns', 'roc_auc 0.8700')
    >>> output_text({"a": {"r2": 0.5}, "b": {"r2": 0.25}}), output_text({"fitted": "Ridge", "path": None})
    ('a: r2 0.5000; b: r2 0.2500', 'a fitted Ridge')
    """
    if isinstance(value, Mapping) and is_table(value):
        columns = value["columns"]
        width = len(columns) if isinstance(columns, (list, tuple)) else columns
        size = [plural(count, word) for count, word in ((value["rows"], "row"), (width, "column")) if count is not None]
        return " × ".join(size) or "a table"
    if isinstance(value, Mapping) and is_model(value):
        return f"a fitted {value['fitted']}" if "fitted" in value else f"a {value['held']}: {value.get('told', '')}"
    if isinstance(value, Mapping) and any(isinstance(part, Mapping) for part in value.values()):
        return "; ".join(f"{name}: {output_text(part)}" for name, part in value.items())
    if isinstance(value, Mapping):
        return " · ".join(f"{name} {number_text(number)}" for name, number in value.items())
    return fact_text(value) if isinstance(value, (list, tuple)) else number_text(value)


def outputs_section(report: Report) -> list[Part]:
    """Return the outputs that are no scores: single values beside one another, and the table of what was written or kept."""
    outputs = {name: value for name, value in flat_outputs(report).items() if not is_score(value)}
    kept = {name: value for name, value in outputs.items() if is_table(value) or is_model(value)}
    values = {name: value for name, value in outputs.items() if name not in kept}
    rows = [({"strong": name}, output_text(value), {"code": value["path"]} if value.get("path") else "") for name, value in kept.items()]
    parts = [table("Tables, models and the like", ("Output", "What", "Where"), rows)] if rows else []
    told = [(({"strong": name}), output_text(value)) for name, value in values.items()]
    parts += [table("Values", ("Value", "Result"), told, _numeric(values))] if told else []
    return parts or ([] if report["outputs"] else [text("The run gave out nothing.")])


def _numeric(values: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the places of columns that stand to the right."""
    return (1,) if all(isinstance(value, int | float) for value in values.values()) else ()


def scores_section(report: Report) -> list[Part]:
    """Return the metrics of all models side by side, with their curves; nothing where nothing was scored."""
    scores = {name: value for name, value in flat_outputs(report).items() if is_score(value)}
    curves = _curves(report["curves"])
    if not scores:
        return group("figures", curves)
    metrics = list(dict.fromkeys(metric for values in scores.values() for metric in values))
    rows = [
        ({"strong": name}, *(number_text(values[metric]) if metric in values else UNKNOWN for metric in metrics))
        for name, values in scores.items()
    ]
    scored = table("Scores", ("Output", *metrics), rows, range(1, len(metrics) + 1))
    if len(curves) % 2 and len(metrics) <= METRICS_BESIDE:  # two columns are full with the table among them
        return group("figures beside", [scored, *curves])
    return [scored, *group("figures", curves)]


def _curves(curves: Sequence[Mapping[str, Any]]) -> list[Part]:
    """Return the curves, those of one kind drawn together as long as the eye can tell them apart."""
    figures = []
    for kind in dict.fromkeys(str(curve["kind"]) for curve in curves):
        alike = [curve for curve in curves if curve["kind"] == kind]
        title, along, upward = _CURVE_AXES.get(kind, (kind, "x", "y"))
        for start in range(0, len(alike), CURVES_TOGETHER):
            together = [_curve(curve) for curve in alike[start : start + CURVES_TOGETHER]]
            x = Axis(0.0, 1.0, 46.0, 426.0, along, tick_text)
            y = Axis(0.0, 1.0, 350.0, 30.0, upward, tick_text)
            drawn = line_chart(title, together, x, y, diagonal=kind in ("roc", "calibration"))
            figures.append(chart(drawn, _behind(title, together, x, y)))
    return figures


def _behind(title: str, curves: Sequence[DrawnCurve], x: Axis, y: Axis) -> Part:
    """Return the table behind curves."""
    return points_table(title, x.title, y.title, {curve.label: curve.points for curve in curves})


def _curve(curve: Mapping[str, Any]) -> DrawnCurve:
    area = curve.get("auc")
    label = str(curve.get("label") or f"stage {curve['stage']}")
    told = label if area is None else f"{label}, area {number_text(float(area))}"
    pairs = zip(curve["x"], curve["y"], strict=False)
    return DrawnCurve(told, [(float(x), float(y)) for x, y in pairs if x is not None and y is not None])


def models_section(report: Report) -> list[Part]:
    """Return each model with its parameters, its most important features and its training; nothing where nothing was learned."""
    stages = {int(stage["id"]): stage for stage in report["stages"]}
    return [part for model in report["models"] for part in _model(model, stages)]


def _model(model: Mapping[str, Any], stages: Mapping[int, Stage]) -> list[Part]:
    features, parameters = model.get("features") or (), model.get("parameters") or {}
    parts = [heading(model["estimator"], link(stages, model["stage"])), *_importance(model)]
    parts += group("figures", _history(model.get("history") or {}))
    parts += [details([plural(len(features), "feature")], [{"kind": "names", "names": features}])] if features else []
    return [*parts, details(["Parameters"], [facts("Parameters", parameters)])] if parameters else parts


def _importance(model: Mapping[str, Any]) -> list[Part]:
    """Return the features that count most, most first."""
    known = [(str(name), float(value)) for name, value in model.get("importance") or () if value is not None]
    ordered = sorted((pair for pair in known if math.isfinite(pair[1])), key=lambda pair: (-pair[1], pair[0]))
    if not ordered:
        return []
    kind = f" by {model['importance_kind']}" if model.get("importance_kind") else ""
    some = f", top {MOST_BARS} of {rows_text(len(ordered))}" if len(ordered) > MOST_BARS else ""
    return [bars(f"Feature importance{kind}{some}", ordered[:MOST_BARS])]


def _history(history: Mapping[str, Sequence[float | None]]) -> list[Part]:
    """Return how training went: a chart for each metric, its curves those data sets on which it was measured."""
    metrics: dict[str, list[tuple[str, Sequence[float | None]]]] = {}
    for name, values in history.items():
        data, _, metric = str(name).rpartition(" ")
        if values:
            metrics.setdefault(metric, []).append((data or metric, values))
    figures = []
    for metric, measured in metrics.items():
        finite = [value for _, values in measured for value in values if value is not None and math.isfinite(value)]
        if finite:
            low, high = min(finite), max(finite)
            pad = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
            curves = [_training(name, values) for name, values in measured]
            y = Axis(low - pad, high + pad, 290.0, 30.0, metric, tick_text)
            x = Axis(1.0, max(2.0, float(max(len(values) for _, values in measured))), room_for(y), 486.0, "round", tick_text, whole=True)
            title = f"Training, {metric}"
            figures.append(chart(line_chart(title, curves, x, y), _behind(title, curves, x, y)))
    return figures


def _training(name: str, values: Sequence[float | None]) -> DrawnCurve:
    points = [(float(index), float("nan") if value is None else float(value)) for index, value in enumerate(values, start=1)]
    return DrawnCurve(f"{name}, last {number_text(points[-1][1])}", points)
