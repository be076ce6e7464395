from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from sklearn.preprocessing import StandardScaler

from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError, WiringError
from gpupipe.pipeline import Pipeline
from gpupipe.sources.from_arrow import FromArrow
from gpupipe.stages.standardize import Standardize, Standardized
from gpupipe.testing.laws import check_fit_stage
from gpupipe.testing.strategies import cut_tables
from gpupipe.testing.trial import HeldTable

SCHEMA = pa.schema([("x", pa.float64()), ("i", pa.int32()), ("b", pa.bool_()), ("f", pa.float32())])
BOUNDS = {"x": (-1e3, 1e3), "i": (-1000, 1000), "f": (-16.0, 16.0)}


@given(cut_tables(SCHEMA, nan=False, bounds=BOUNDS))
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_fit_stage(Standardize(["x", "i", "b", "f"]), cut[0], cuts=cut[1], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(("with_mean", "with_std"), [(True, True), (True, False), (False, True)])
def test_as_scikit_learn_does(with_mean: bool, with_std: bool) -> None:
    values = np.random.default_rng(0).normal(5, 3, (200, 2))
    values[::7, 0] = np.nan
    values[:, 1] = 2.5  # without spread
    wanted = StandardScaler(with_mean=with_mean, with_std=with_std).fit_transform(values)
    frame = pl.DataFrame({"a": pl.Series(values[:, 0]).fill_nan(None), "b": values[:, 1]})
    made = Standardize(["a", "b"], with_mean=with_mean, with_std=with_std).fit_plain(frame).apply(frame)
    np.testing.assert_allclose(made.with_columns(pl.col("a").fill_null(np.nan)).to_numpy(), wanted, rtol=1e-12, atol=1e-12)


def test_parts_far_from_zero_are_merged_exactly_enough() -> None:
    table = pa.table({"x": pa.array(1e9 + np.arange(100) / 7)})
    fitted = check_fit_stage(Standardize("x"), table, cuts=(1, 40, 40), rtol=1e-7)
    assert fitted.deviations[0] == pytest.approx(np.std(np.arange(100) / 7), rel=1e-6)  # type: ignore[attr-defined]


def test_fitted_to_nothing_changes_nothing(engine: str) -> None:
    frame = pl.DataFrame({"x": [1.0, 3.0]})
    empty = frame.clear() if engine == "cpu" else frame.clear().to_pandas()
    assert Standardize("x").fit_plain(empty) == Standardized(("x",), (0.0,), (1.0,))


def test_a_constant_is_only_centred(engine: str) -> None:
    values = {"a": 14.62, "b": -0.1, "c": 1e100, "d": 1.7e9, "e": 0.0}
    table = FromArrow(pa.table({name: np.full(1000, value) for name, value in values.items()})).node()
    rest = FromArrow(pa.table({name: [value, value + 0.01] for name, value in values.items()})).node()
    fitted = Standardize(list(values)).fit(table)
    made = Pipeline("p", out=fitted(rest), fitted=fitted).run(engine)
    assert made["fitted"].deviations == (1.0,) * len(values)
    for name, value in values.items():
        scaler = StandardScaler().fit(np.full((1000, 1), value))
        wanted = scaler.transform(np.array([[value], [value + 0.01]]))[:, 0]
        np.testing.assert_allclose(made["out"].to_polars()[name], wanted, rtol=1e-9, atol=max(1e-13, 1e-15 * abs(value)))


def test_what_has_no_mean_or_deviation_is_refused(engine: str) -> None:
    odd = [[1.0, float("inf")], [float("nan"), 2.0], [float("-inf")], [1e308, 1e308, 1e308], [1e200, -1e200]]
    for values in odd if engine == "cpu" else odd[:1]:
        table = FromArrow(pa.table({"a": [1.0] * len(values), "x": values}), nan_as_null=False).node()
        told = r"^Standardize expects numbers with a mean and a deviation in column 'x', got infinity, .* nw\.col\('x'\)\.is_finite\(\)"
        with pytest.raises(StageError, match=told):
            Pipeline("p", out=Standardize(["a", "x"]).fit(table)).run(engine)


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^Standardize with neither mean nor standard deviation changes nothing: leave it out\.$"):
        Standardize("x", with_mean=False, with_std=False)
    with pytest.raises(UsageError, match=r"^Standardize's columns expects one column name or several, got \(\)\.$"):
        Standardize(())


def test_tables_that_do_not_fit() -> None:
    frame = pl.DataFrame({"x": [1.0], "s": ["a"]})
    message = (
        r"^Standardize expects numbers, got String in column 's'\. Encode it first, as with gp\.EncodeCategory\('s'\), or leave it out\.$"
    )
    with pytest.raises(DtypeError, match=message):
        Standardize(["x", "s"]).fit_plain(frame)
    with pytest.raises(ColumnError, match=r"^There is no column 'xx'\. Did you mean 'x'\?"):
        Standardize("xx").fit_plain(frame)
    with pytest.raises(ColumnError, match=r"^There is no column 'x'\."):
        Standardize("x").fit_plain(frame).apply(pl.DataFrame({"y": [1.0]}))


def test_applied_before_it_is_fitted() -> None:
    table = HeldTable(pa.table({"x": [1.0]})).node()
    message = r"^Standardize must be fitted before it is applied: fitted = Standardize\(\.\.\.\)\.fit\(train\); fitted\(table\)\.$"
    with pytest.raises(WiringError, match=message):
        Standardize("x")(table)
    with pytest.raises(WiringError, match=r"^Standardize has no 'predict': call the fitted stage on the table instead\.$"):
        Standardize("x").fit(table).predict(table)
