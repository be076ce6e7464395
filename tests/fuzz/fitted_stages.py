"""Random fitted stages, each with what scikit-learn, pandas or NumPy make of the same columns.

Of columns without a value scikit-learn makes an error or NaN, and here nothing changes: the docstrings say so, and in the answer those
columns are as they were.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn import preprocessing
from sklearn.impute import SimpleImputer

import gpupipe as gp
from tests.fuzz.stage_tables import random_table

NUMBERS = ("int", "tiny", "unsigned", "finite", "finite")
CATEGORIES = ("text", "int", "tiny", "bool", "words", "unsigned")
Oracle = Callable[[pa.Table, pa.Table], Mapping[str, Any]]  # the columns that come out, of two tables: fitted to one, applied to the other


@dataclass(frozen=True)
class FittedCase:
    """A stage, the table it is fitted to, the one it is applied to, and what gives the same."""

    stage: Any
    tables: tuple[pa.Table, ...]
    oracle: Oracle
    rtol: float = 1e-9

    def answer(self) -> pa.Table:
        """Return the oracle's answer."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn tells of columns without a value
            made = self.oracle(*self.tables)
        return pa.table({name: column if isinstance(column, pa.ChunkedArray) else pa.array(column) for name, column in made.items()})


def random_fitted_case(seed: int | str) -> FittedCase:
    """Return the case of a seed; numbers that follow one another are of all kinds in turn."""
    dice = Random(seed)
    return (MAKERS[seed % len(MAKERS)] if isinstance(seed, int) else dice.choice(MAKERS))(dice)


def _tables(dice: Random, kinds: Mapping[str, str]) -> tuple[pa.Table, pa.Table]:
    """Return a table to fit to and one to apply to, whose rows have numbers."""
    made = []
    for _ in range(2):
        table = random_table(dice, kinds, most=30)
        made.append(table.append_column("row", pa.array(range(len(table)), pa.int64())))
    return made[0], made[1]


def numbers(column: pa.ChunkedArray) -> Any:
    """Return a column as [n_rows, 1] float64, NaN where it is missing."""
    return np.array([np.nan if value is None else float(value) for value in column.to_pylist()]).reshape(-1, 1)


def present(array: Any) -> pa.Array:
    """Return floats as Arrow's, missing where they are NaN."""
    return pa.array(np.asarray(array, dtype=np.float64).ravel(), from_pandas=True)


def _by_estimator(
    estimator: Any, columns: Sequence[str], train: pa.Table, test: pa.Table, limits: tuple[float, float] | None = None
) -> Mapping[str, Any]:
    """Return the table with columns transformed, each by itself; those that had no value are Float64, and as they were within limits."""
    made = dict(zip(test.column_names, test.columns, strict=True))
    for name in columns:
        fitted_to, given = numbers(train[name]), numbers(test[name])
        known = np.isfinite(fitted_to).any() and len(given)
        given = given if known or limits is None else np.clip(given, *limits)
        made[name] = present(estimator.fit(fitted_to).transform(given) if known else given)
    return made


def _scaled(dice: Random) -> FittedCase:
    kinds = {"x": dice.choice(NUMBERS), "y": dice.choice(NUMBERS)}
    low, high = dice.choice([(0.0, 1.0), (-1.0, 2.0)])
    clip, quantiles = dice.random() < 0.5, dice.choice([(0.25, 0.75), (0.1, 0.95)])
    pairs = [
        (gp.Standardize(["x", "y"]), preprocessing.StandardScaler()),
        (gp.MinMaxScale(["x", "y"], low=low, high=high, clip=clip), preprocessing.MinMaxScaler((low, high), clip=clip)),
        (
            gp.RobustScale(["x", "y"], low=quantiles[0], high=quantiles[1]),
            preprocessing.RobustScaler(quantile_range=(quantiles[0] * 100, quantiles[1] * 100)),
        ),
    ]
    stage, estimator = dice.choice(pairs)
    limits = (low, high) if isinstance(stage, gp.MinMaxScale) and clip else None
    return FittedCase(stage, _tables(dice, kinds), partial(_by_estimator, estimator, ["x", "y"], limits=limits))


def _ranked(dice: Random) -> FittedCase:
    kinds = {"x": dice.choice(NUMBERS)}
    tables = _tables(dice, kinds)
    while 0 < len(tables[0]) < 5:  # of fewer rows than quantiles scikit-learn takes fewer quantiles
        tables = _tables(dice, kinds)
    n, output = dice.choice([2, 3, 5]), dice.choice(["uniform", "normal"])
    estimator = preprocessing.QuantileTransformer(n_quantiles=n, output_distribution=output, subsample=None)

    def oracle(train: pa.Table, test: pa.Table) -> Mapping[str, Any]:
        if train["x"].null_count == len(train):
            return {"x": present(np.full(len(test), np.nan)), "row": test["row"]}
        return _by_estimator(estimator, ["x"], train, test)

    return FittedCase(gp.QuantileTransform("x", n_quantiles=n, output=output, exact=True), tables, oracle)


def _powered(dice: Random) -> FittedCase:
    chance = np.random.default_rng(dice.randrange(1 << 30))
    values = chance.lognormal(0, 1, dice.choice([8, 30])) - dice.choice([0, 2])
    table = pa.table({"x": values, "row": range(len(values))})
    estimator = preprocessing.PowerTransformer(standardize=dice.random() < 0.5)
    stage = gp.PowerTransform("x", standardize=estimator.standardize)
    return FittedCase(stage, (table, table), partial(_by_estimator, estimator, ["x"]), rtol=1e-4)


def _cut(dice: Random) -> FittedCase:
    kinds, n = {"x": dice.choice(NUMBERS)}, dice.choice([2, 3, 5])
    by = dice.choice(["quantile", "width"])
    how = {"strategy": "quantile", "quantile_method": "linear"} if by == "quantile" else {"strategy": "uniform"}
    estimator = preprocessing.KBinsDiscretizer(n, encode="ordinal", subsample=None, **how)

    def oracle(train: pa.Table, test: pa.Table) -> Mapping[str, Any]:
        fitted_to, given = numbers(train["x"]), numbers(test["x"]).ravel()
        known, there = fitted_to[np.isfinite(fitted_to)].reshape(-1, 1), np.isfinite(given)
        codes = np.zeros(len(given))
        if len(np.unique(known)) > 1 and there.any():  # scikit-learn has one range for a constant, too, and an error for no value
            codes[there] = estimator.fit(known).transform(given[there].reshape(-1, 1)).ravel()
        return {"x": pa.array(codes.astype(int), mask=~there), "row": test["row"]}

    return FittedCase(gp.Discretize("x", n_bins=n, by=by), _tables(dice, kinds), oracle)


def _clipped(dice: Random) -> FittedCase:
    kinds, low, high, widen = (
        {"x": dice.choice(NUMBERS)},
        dice.choice([0.0, 0.1, 0.25]),
        dice.choice([0.75, 0.9, 1.0]),
        dice.choice([0.0, 1.5]),
    )

    def oracle(train: pa.Table, test: pa.Table) -> Mapping[str, Any]:
        known, given = numbers(train["x"]), numbers(test["x"])
        known = known[np.isfinite(known)]
        if len(known):
            ends = np.quantile(known, [low, high])
            apart = (ends[1] - ends[0]) * widen
            given = np.clip(given, ends[0] - apart, ends[1] + apart)
        return {"x": present(given), "row": test["row"]}

    return FittedCase(gp.ClipOutliers("x", low=low, high=high, widen=widen), _tables(dice, kinds), oracle)


def _bucketed(dice: Random) -> FittedCase:
    edges = sorted(dice.sample([-2, -1, -0.25, 0, 0.5, 1, 3], 3))

    def oracle(test: pa.Table) -> Mapping[str, Any]:
        given = numbers(test["x"]).ravel()
        return {"x": pa.array(np.digitize(given, edges), mask=np.isnan(given)), "row": test["row"]}

    return FittedCase(gp.Bucketize("x", edges=edges), _tables(dice, {"x": dice.choice(NUMBERS)})[:1], oracle)


def _imputed(dice: Random) -> FittedCase:
    how = dice.choice(["mean", "median", "most_frequent"])
    kinds = {"x": dice.choice(NUMBERS if how != "most_frequent" else CATEGORIES)}
    indicator = dice.random() < 0.4

    def oracle(train: pa.Table, test: pa.Table) -> Mapping[str, Any]:
        given, fitted_to = test["x"], train["x"]
        made: Any = given.cast(pa.float64()) if how != "most_frequent" else given
        if len(test) and fitted_to.null_count < len(fitted_to):
            if how == "most_frequent":
                values = [
                    np.array([str(v) if v is not None else None for v in column.to_pylist()], object) for column in (fitted_to, given)
                ]
                if not pa.types.is_string(given.type) and kinds["x"] not in ("text", "words"):
                    values = [np.array(column.to_pylist(), object) for column in (fitted_to, given)]
                imputer = SimpleImputer(missing_values=None, strategy="most_frequent").fit(values[0].reshape(-1, 1))
                made = imputer.transform(values[1].reshape(-1, 1)).ravel().tolist()
            else:
                made = present(SimpleImputer(strategy=how).fit(numbers(fitted_to)).transform(numbers(given)))
        more = {"x_missing": [value is None for value in given.to_pylist()]} if indicator else {}
        made = made if not isinstance(made, pa.ChunkedArray) or not pa.types.is_dictionary(made.type) else made.cast(pa.string())
        return {"x": made, "row": test["row"], **{name: pa.array(column, pa.bool_()) for name, column in more.items()}}

    return FittedCase(gp.Impute("x", how, indicator=indicator), _tables(dice, kinds), oracle)


def _texts(column: pa.ChunkedArray) -> Any:
    """Return a column of categories as pandas' objects: whole numbers stay what they are."""
    return pd.Series(column.to_pylist(), dtype=object)


def _one_hot(dice: Random) -> FittedCase:
    kinds, least, drop = {"x": dice.choice(CATEGORIES)}, dice.choice([1, 1, 2]), dice.random() < 0.3
    missing = dice.random() < 0.3

    def oracle(train: pa.Table, test: pa.Table) -> Mapping[str, Any]:
        counts = _texts(train["x"]).value_counts()
        kept = sorted((value for value, n in counts.items() if n >= least), key=lambda value: (isinstance(value, str), value))
        made: dict[str, Any] = {"row": test["row"]}
        if kept and len(test):
            values = np.array([*kept], dtype=object).reshape(-1, 1)
            encoder = preprocessing.OneHotEncoder(
                categories=[np.array(kept, dtype=object)], handle_unknown="ignore", drop="first" if drop else None, sparse_output=False
            )
            given = np.array(test["x"].to_pylist(), dtype=object).reshape(-1, 1)
            encoded = encoder.fit(values).transform(given).astype(int)
            made |= {_name(value): encoded[:, number] for number, value in enumerate(kept[1:] if drop else kept)}
        else:
            made |= {_name(value): np.zeros(len(test), int) for value in (kept[1:] if drop else kept)}
        return {**made, **({"x_missing": [int(value is None) for value in test["x"].to_pylist()]} if missing else {})}

    return FittedCase(gp.OneHot("x", min_count=least, drop_first=drop, missing=missing), _tables(dice, kinds), oracle)


def _name(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"x_{'_'.join(text.strip().split())}"


def _counted(dice: Random) -> FittedCase:
    share = dice.random() < 0.5

    def oracle(train: pa.Table, test: pa.Table) -> Mapping[str, Any]:
        counts = _texts(train["x"]).value_counts(normalize=share)
        given = test["x"].to_pylist()
        return {"x": pa.array([None if v is None else float(counts.get(v, 0)) for v in given], pa.float64()), "row": test["row"]}

    return FittedCase(gp.CountEncode("x", share=share), _tables(dice, {"x": dice.choice(CATEGORIES)}), oracle)


def _by_target(dice: Random) -> FittedCase:
    smooth: Any = dice.choice(["auto", 0.0, 1.0, 10.0])
    kinds = {"x": dice.choice(["text", "int", "words"]), "y": dice.choice(["int", "finite"])}

    def oracle(train: pa.Table, test: pa.Table) -> Mapping[str, Any]:
        known = [value is not None for value in train["y"].to_pylist()]
        used = train.filter(pa.array(known, pa.bool_()))
        made: Any = np.zeros(len(test))
        if len(used) and len(test):
            encoder = preprocessing.TargetEncoder(target_type="continuous", smooth=smooth)
            fitted = encoder.fit(np.array(used["x"].to_pylist(), object).reshape(-1, 1), numbers(used["y"]).ravel())
            made = fitted.transform(np.array(test["x"].to_pylist(), object).reshape(-1, 1)).ravel()
        return {"x": pa.array(made), "y": test["y"], "row": test["row"]}

    return FittedCase(gp.TargetEncode("x", target="y", smooth=smooth), _tables(dice, kinds), oracle)


def _encoded(dice: Random) -> FittedCase:
    kinds, unknown, least = {"x": dice.choice(CATEGORIES)}, dice.choice([None, -1]), dice.choice([1, 1, 2])
    by_count, first, missing = dice.random() < 0.4, dice.choice([0, 3]), dice.choice([None, 1])

    def oracle(train: pa.Table, test: pa.Table) -> Mapping[str, Any]:
        counts = _texts(train["x"]).value_counts()
        kept = sorted((value for value, n in counts.items() if n >= least), key=_order)
        if by_count:
            kept.sort(key=lambda value: -counts[value])
        place = {value: number + first for number, value in enumerate(kept)}
        made = [missing if value is None else place.get(value, unknown) for value in test["x"].to_pylist()]
        return {"x": pa.array(made, pa.int64()), "row": test["row"]}

    options = {"min_count": least, "unknown": unknown, "first": first, "missing": missing}
    return FittedCase(gp.EncodeCategory("x", **options, order="count" if by_count else "sorted"), _tables(dice, kinds), oracle)


def _order(value: Any) -> Any:
    """Return what categories are sorted by: whole numbers before text."""
    number = isinstance(value, str) and value.isdigit()
    return (0, int(value), "") if number or not isinstance(value, str) else (1, 0, value)


def _dropped(dice: Random) -> FittedCase:
    kinds = {name: dice.choice(["int", "text", "finite", "bool"]) for name in ("x", "y", "z")}

    def oracle(train: pa.Table, test: pa.Table) -> Mapping[str, Any]:
        kept = [n for n in train.column_names if not len(train) or len(set(train[n].to_pylist())) > 1]
        return {name: test[name] for name in kept or ["x"]}

    return FittedCase(gp.DropConstant(), _tables(dice, kinds), oracle)


MAKERS = (
    _scaled,
    _scaled,
    _ranked,
    _powered,
    _cut,
    _clipped,
    _bucketed,
    _imputed,
    _imputed,
    _one_hot,
    _one_hot,
    _counted,
    _by_target,
    _encoded,
    _encoded,
    _dropped,
)
