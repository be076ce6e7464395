"""The generated rows have the shares, means and chances counted in the public 2007Q3 quarter, within a stated tolerance.

The seed is fixed, so a tolerance is room for the sampling error of 300,000 rows (5,300 loans) and for the model's own deviations.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gpupipe.datasets.mortgage import generate_mortgage

Numbers = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, pa.Table]:
    out: Path = tmp_path_factory.mktemp("mortgage") / "out"
    files = generate_mortgage(out, 300_000, text=False)
    return pq.read_table(files.performance[0]), pq.read_table(files.acquisition[0])


@pytest.fixture(scope="module")
def performance(tables: tuple[pa.Table, pa.Table]) -> pa.Table:
    return tables[0]


@pytest.fixture(scope="module")
def acquisition(tables: tuple[pa.Table, pa.Table]) -> pa.Table:
    return tables[1]


def numbers(table: pa.Table, column: str) -> Numbers:
    values: Numbers = table[column].cast(pa.float64()).to_numpy()
    return values


def starts(performance: pa.Table) -> npt.NDArray[np.int64]:
    loan = performance["loan_id"].to_numpy()
    return np.flatnonzero(np.concatenate([[True], loan[1:] != loan[:-1]]))


def test_rows_a_loan(performance: pa.Table) -> None:
    length = np.diff(starts(performance), append=len(performance))
    assert length.mean() == pytest.approx(56.5, abs=1.5)
    quantiles = np.quantile(length, [0.05, 0.25, 0.5, 0.75, 0.95])
    assert np.all(np.abs(quantiles - [8, 25, 47, 77, 125]) <= [1.5, 2, 3, 4, 1])
    assert length.max() == 126


@pytest.mark.parametrize(("status", "share", "tolerance"), [(0, 0.898, 0.01), (1, 0.027, 0.003), (2, 0.011, 0.002), (-2, 0.014, 0.002)])
def test_share_of_status(performance: pa.Table, status: int, share: float, tolerance: float) -> None:
    assert np.mean(numbers(performance, "current_loan_delinquency_status") == status) == pytest.approx(share, abs=tolerance)


def test_status_has_a_long_tail(performance: pa.Table) -> None:
    assert 50 <= len(np.unique(numbers(performance, "current_loan_delinquency_status"))) <= 100


@pytest.mark.parametrize(
    ("before", "after", "chance", "tolerance"),
    [
        (0, 0, 0.972, 0.003),
        (0, 1, 0.013, 0.001),
        (1, 0, 0.27, 0.02),
        (1, 1, 0.50, 0.02),
        (1, 2, 0.215, 0.02),
        (2, 3, 0.38, 0.03),
        (3, 4, 0.65, 0.04),
        (4, 5, 0.71, 0.04),
        (5, 6, 0.81, 0.04),
        (6, 6, 0.93, 0.03),
    ],
)
def test_chance_from_month_to_month(performance: pa.Table, before: int, after: int, chance: float, tolerance: float) -> None:
    """From status to status; 6 stands for 6 and more."""
    status = np.minimum(numbers(performance, "current_loan_delinquency_status"), 6)
    first = np.zeros(len(status), dtype=bool)
    first[starts(performance)] = True
    following = status[1:][~first[1:] & (status[:-1] == before)]
    assert np.mean(following == after) == pytest.approx(chance, abs=tolerance)


@pytest.mark.parametrize(
    ("column", "share", "tolerance"),
    [
        ("servicer", 0.972, 0.002),
        ("current_actual_upb", 0.105, 0.005),
        ("adj_remaining_months_to_maturity", 0.1005, 0.025),
        ("zero_balance_code", 0.985, 0.002),
        ("non_interest_bearing_upb", 0.90, 0.025),
        ("servicing_activity_indicator", 0.12, 0.005),
        ("foreclosure_costs", 0.9988, 0.0006),
        ("credit_enhancement_proceeds", 0.9998, 0.0002),
        ("loan_age", 0, 0),
        ("msa", 0, 0),
    ],
)
def test_share_of_nulls_in_performance(performance: pa.Table, column: str, share: float, tolerance: float) -> None:
    assert performance[column].null_count / len(performance) == pytest.approx(share, abs=tolerance)


@pytest.mark.parametrize(
    ("column", "share", "tolerance"),
    [
        ("dti", 0.0304, 0.008),
        ("borrower_credit_score", 0.0022, 0.0015),
        ("mortgage_insurance_percent", 0.8269, 0.02),
        ("coborrow_credit_score", 0.5919, 0.02),
        ("orig_ltv", 0, 0),
    ],
)
def test_share_of_nulls_in_acquisition(acquisition: pa.Table, column: str, share: float, tolerance: float) -> None:
    assert acquisition[column].null_count / len(acquisition) == pytest.approx(share, abs=tolerance)


@pytest.mark.parametrize(
    ("column", "mean", "deviation", "relative"),
    [
        ("orig_interest_rate", 6.50, 0.42, 0.05),
        ("orig_upb", 190_570, 96_638, 0.05),
        ("orig_ltv", 71.3, 16.85, 0.05),
        ("dti", 38, 12.6, 0.05),
        ("borrower_credit_score", 723, 61, 0.05),
        ("coborrow_credit_score", 731, 60, 0.07),
    ],
)
def test_mean_and_deviation(acquisition: pa.Table, column: str, mean: float, deviation: float, relative: float) -> None:
    values = numbers(acquisition.filter(pc.is_valid(acquisition[column])), column)
    assert values.mean() == pytest.approx(mean, abs=0.05 * deviation)
    assert values.std() == pytest.approx(deviation, rel=relative)


@pytest.mark.parametrize(
    ("column", "value", "share"),
    [
        ("orig_channel", "C", 0.50),
        ("orig_channel", "R", 0.35),
        ("orig_channel", "B", 0.15),
        ("orig_ltv", 80, 0.286),
        ("orig_upb", 417_000, 0.023),
        ("orig_loan_term", 360, 0.847),
        ("orig_loan_term", 180, 0.096),
        ("first_home_buyer", "Y", 0.12),
        ("loan_purpose", "P", 0.44),
        ("loan_purpose", "C", 0.39),
        ("loan_purpose", "R", 0.16),
        ("property_type", "SF", 0.75),
        ("seller_name", "BANK OF AMERICA, N.A.", 0.271),
    ],
)
def test_share_of_a_value(acquisition: pa.Table, column: str, value: str | float, share: float) -> None:
    """Within four standard errors."""
    found = pc.mean(pc.equal(acquisition[column], value)).as_py()
    assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / len(acquisition)))


def test_modified_loans(performance: pa.Table) -> None:
    modified = pc.equal(performance["mod_flag"], "Y")
    assert pc.mean(modified).as_py() == pytest.approx(0.101, abs=0.02)
    ended = pc.is_valid(performance["zero_balance_code"])
    assert pc.and_not(modified, ended).equals(pc.is_valid(performance["non_interest_bearing_upb"]))


def test_places(acquisition: pa.Table) -> None:
    states = set(acquisition["property_state"].to_pylist())
    assert 50 <= len(states) <= 54
    assert 600 <= len(pc.unique(acquisition["zip"])) <= 850


def test_zero_balance_ends_a_loan(performance: pa.Table) -> None:
    code, status = performance["zero_balance_code"], numbers(performance, "current_loan_delinquency_status")
    ended = code.is_valid().to_numpy()
    last = np.append(starts(performance)[1:], len(performance)) - 1
    assert set(np.flatnonzero(ended)) <= set(last)
    assert np.array_equal(ended, status < 0)
    shares = {value: pc.mean(pc.equal(code.drop_null(), value)).as_py() for value in ("01", "03", "06", "09")}
    assert shares["01"] == pytest.approx(138 / 153, abs=0.03)
    assert min(shares.values()) > 0
    assert np.array_equal(status == -1, performance["foreclosure_costs"].is_valid().to_numpy())
    cleared = numbers(performance, "current_actual_upb") == 0
    assert 0 < np.count_nonzero(cleared) < 0.02 * np.count_nonzero(ended)
    assert not np.any(cleared & ~ended)


def test_balance_is_masked_and_then_falls(performance: pa.Table) -> None:
    upb, status = numbers(performance, "current_actual_upb"), numbers(performance, "current_loan_delinquency_status")
    begins = starts(performance)
    month = np.arange(len(upb)) - np.repeat(begins, np.diff(begins, append=len(upb)))
    assert np.array_equal(np.isnan(upb), (month < 6) & (status >= 0))
    current = (month[1:] > 6) & (status[1:] == 0) & (status[:-1] == 0)
    unmodified = performance["mod_flag"].to_numpy(zero_copy_only=False)[1:] == "N"
    assert np.all(np.diff(upb)[current & unmodified] < 0)
    late = (month[1:] > 6) & ((status[1:] == status[:-1] + 1) | (status[1:] < 0)) & (upb[1:] > 0)
    held = np.diff(upb)[late & unmodified] == 0  # an early payment may fall into a month without the regular one
    assert held.mean() > 0.97


def auc(score: Numbers, positive: npt.NDArray[np.bool_]) -> float:
    order = np.argsort(np.argsort(score)) + 1.0
    n = np.count_nonzero(positive)
    return float((order[positive].sum() - n * (n + 1) / 2) / (n * (len(score) - n)))


def test_what_is_known_at_origination_tells_who_falls_behind(performance: pa.Table, acquisition: pa.Table) -> None:
    worst = np.maximum.reduceat(numbers(performance, "current_loan_delinquency_status"), starts(performance))
    score, dti, ltv = (np.nan_to_num(numbers(acquisition, name), nan=600) for name in ("borrower_credit_score", "dti", "orig_ltv"))
    risk = -0.8 * score / 61 + 0.3 * np.minimum(dti, 64) / 12.6 + 0.45 * ltv / 16.9
    assert auc(risk, worst >= 3) > 0.7
    assert auc(-score, worst >= 3) > 0.65
    assert auc(acquisition["loan_id"].to_numpy().astype(np.float64), worst >= 3) == pytest.approx(0.5, abs=0.04)
