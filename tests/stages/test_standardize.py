from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from sklearn.preprocessing import StandardScaler

from gpupipe.core.errors import ColumnError, DtypeError, UsageError, WiringError
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


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^Standardize with neither mean nor standard deviation changes nothing: leave it out\.$"):
        Standardize("x", with_mean=False, with_std=False)
    with pytest.raises(UsageError, match=r"^Standardize's columns expects one column name or several, got \(\)\.$"):
        Standardize(())


def test_tables_that_do_not_fit() -> None:
    frame = pl.DataFrame({"x": [1.0], "s": ["a"]})
    message = r"^Standardize expects numbers, got String in column 's'\. Cast or encode it first, or leave it out\.$"
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
