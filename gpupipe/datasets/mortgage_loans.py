"""The loans of a batch: what is known on the day a loan is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gpupipe.datasets import mortgage_facts as facts
from gpupipe.datasets.mortgage_columns import ACQUISITION, Bools, Floats, Ints, coded, month_dates, whole_numbers

# Twelve digits, as in the real files, for up to 38 million loans.
_FIRST_LOAN_ID = 100_000_000_000
_LOAN_ID_STEP = 23_456


@dataclass(frozen=True)
class Loans:
    """The loans of a batch: their acquisition rows, and what their monthly rows are made from.

    Months are counted from January 1970; `rate_thousandths` is the yearly rate in thousandths of a percent; `risk` is the log-odds
    of falling behind, relative to an average loan.
    """

    table: pa.Table
    loan_id: Ints
    upb: Floats
    rate_thousandths: Ints
    term: Ints
    first_month: Ints
    first_age: Ints
    msa: Ints
    insured: Bools
    risk: Floats


@dataclass(frozen=True)
class _RiskTerms:
    """What drives the risk of a loan, drawn together because the parts are correlated."""

    score: Floats
    dti: Floats
    ltv: Ints
    upb: Floats
    term: Ints
    rate_thousandths: Ints

    @property
    def risk(self) -> Floats:
        rate = (self.rate_thousandths - 6500) / 420
        return -0.8 * (self.score - 723) / 61 + 0.3 * (self.dti - 38) / 12.6 + 0.45 * (self.ltv - 71.3) / 16.9 + 0.3 * rate


def _choose(rng: np.random.Generator, n: int, shares: Mapping[int, float]) -> Ints:
    values, weights = np.array(list(shares)), np.cumsum(list(shares.values()))
    return values[np.searchsorted(weights / weights[-1], rng.random(n), side="right")]


def _letters(rng: np.random.Generator, n: int, shares: Mapping[str, float]) -> pa.DictionaryArray:
    return coded(_choose(rng, n, dict(enumerate(shares.values()))), list(shares))


def _draw_ltv(rng: np.random.Generator, n: int) -> Ints:
    below = 80 - np.ceil(rng.gamma(1.4, 13.8, n)).astype(np.int64)
    near = rng.random(n) < 0.25  # borrowers aim at round numbers
    below = np.where(near, np.maximum(5 * np.round(below / 5).astype(np.int64), 5), below)
    below = np.where(below == 80, 79, below)
    above = _choose(rng, n, {90: 0.371, 95: 0.27, 85: 0.08, 89: 0.08, 88: 0.05, 97: 0.03, 94: 0.04, 87: 0.04, 83: 0.03, 82: 0.01})
    part = rng.random(n)
    return np.clip(np.where(part < 0.286, 80, np.where(part < 0.459, above, below)), 6, 97)


def _draw_upb(rng: np.random.Generator, n: int) -> Floats:
    normal = rng.standard_normal(n)
    wanted = np.exp(12.075 + np.where(normal < 0, 0.58, 0.51) * normal)
    # Who wants more than a conforming loan may be takes the most, or less; few get more.
    part = rng.random(n)
    limited = np.where(part < 0.55, 417_000, np.where(part < 0.67, wanted, wanted * (0.35 + 0.3 * part)))
    return np.clip(np.round(np.where(wanted > 417_000, limited, wanted) / 1000) * 1000, 15_000, 800_000)


def _draw_terms(rng: np.random.Generator, n: int) -> _RiskTerms:
    score = np.clip(np.round(840 - rng.gamma(3.68, 31.8, n)), 465, 835)
    dti = np.clip(np.round(38 - 0.15 * 12.9 * (score - 723) / 61 + 12.75 * rng.standard_normal(n)), 3, 64)
    ltv = _draw_ltv(rng, n)
    upb = _draw_upb(rng, n)
    term = _choose(rng, n, {360: 0.8475, 180: 0.0959, 240: 0.0376, 120: 0.0107, 300: 0.005, 348: 0.0007, 353: 0.0004, 144: 0.0003})
    spread = -0.2 * (score - 723) / 61 + 0.13 * (ltv - 71.3) / 16.9 - 0.17 * (upb - 190_570) / 96_638
    spread += 0.93 * rng.standard_normal(n)
    rate = 6.54 + 0.41 * spread - 0.3 * (term <= 180)
    eighth = rng.random(n) < 0.993
    thousandths = np.where(eighth, np.round(rate * 8) * 125, np.round(rate * 100) * 10).astype(np.int64)
    return _RiskTerms(score, dti, ltv, upb, term, np.clip(thousandths, 4000, 8750))


def _draw_cltv(rng: np.random.Generator, ltv: Ints) -> Ints:
    second = rng.random(len(ltv)) < np.where(ltv == 80, 0.28, 0.065)
    return np.where(second, ltv + _choose(rng, len(ltv), {10: 0.4, 15: 0.38, 5: 0.1, 20: 0.07, 30: 0.05}), ltv)


def _people(rng: np.random.Generator, terms: _RiskTerms) -> dict[str, pa.Array]:
    n = len(terms.score)
    borrowers = _choose(rng, n, {2: 0.5223, 1: 0.4713, 3: 0.0051, 4: 0.0012, 7: 0.0001})
    second = np.clip(np.round(731 + 0.72 * (terms.score - 723) + 40 * rng.standard_normal(n)), 465, 835).astype(np.int64)
    return {
        "num_borrowers": whole_numbers(borrowers),
        "dti": whole_numbers(terms.dti.astype(np.int64), rng.random(n) >= 0.0304),
        "borrower_credit_score": whole_numbers(terms.score.astype(np.int64), rng.random(n) >= 0.0022),
        "coborrow_credit_score": whole_numbers(second, (borrowers > 1) & (rng.random(n) < 0.772)),
    }


def _home(rng: np.random.Generator, n: int) -> dict[str, pa.Array]:
    purpose = _choose(rng, n, {0: 0.4439, 1: 0.3923, 2: 0.1638})
    first_home = np.where(purpose == 0, _choose(rng, n, {0: 0.7261, 1: 0.2733, 2: 0.0006}), 0)
    area = np.searchsorted(np.cumsum(facts.AREA_SHARES), rng.random(n), side="right").clip(max=len(facts.AREAS) - 1)
    return {
        "first_home_buyer": coded(first_home, ["N", "Y", "U"]),
        "loan_purpose": coded(purpose, ["P", "C", "R"]),
        "property_type": _letters(rng, n, {"SF": 0.7468, "PU": 0.1381, "CO": 0.0974, "MH": 0.0127, "CP": 0.005}),
        "num_units": pa.array(_choose(rng, n, {1: 0.9732, 2: 0.0212, 3: 0.0031, 4: 0.0025})),
        "occupancy_status": _letters(rng, n, {"P": 0.8591, "I": 0.0861, "S": 0.0548}),
        "property_state": coded(area, facts.AREA_STATES),
        "zip": pa.array(facts.AREAS[area]),
        "msa": pa.array(facts.AREA_MSAS[area]),
    }


def _insurance(rng: np.random.Generator, insured: Bools) -> dict[str, pa.Array]:
    n = len(insured)
    percent = _choose(rng, n, {25: 0.4853, 30: 0.1918, 12: 0.1664, 17: 0.0936, 35: 0.0364, 6: 0.0133, 18: 0.0064, 20: 0.0035})
    return {
        "mortgage_insurance_percent": whole_numbers(percent, insured),
        "mortgage_insurance_type": whole_numbers(_choose(rng, n, {1: 0.904, 2: 0.096}), insured),
    }


def draw_loans(rng: np.random.Generator, n: int, *, first_loan: int, quarter_start: int) -> Loans:
    """Return `n` loans first reported in one quarter, numbered from `first_loan` on.

    Parameters
    ----------
    quarter_start
        The quarter's first month, counted from January 1970.
    """
    terms = _draw_terms(rng, n)
    first_month = quarter_start + rng.integers(0, 3, n)
    first_age = _choose(rng, n, {0: 0.497, 1: 0.316, 2: 0.073, -1: 0.056, 3: 0.034, 4: 0.018, 9: 0.006})
    first_pay = first_month - first_age + 1
    insured = (terms.ltv > 80) & (rng.random(n) < 0.995)
    loan_id = _FIRST_LOAN_ID + _LOAN_ID_STEP * (first_loan + np.arange(n)) + rng.integers(0, _LOAN_ID_STEP, n)
    home = _home(rng, n)
    columns = {
        "loan_id": pa.array(loan_id),
        "orig_channel": _letters(rng, n, {"C": 0.4979, "R": 0.3508, "B": 0.1513}),
        "seller_name": _letters(rng, n, {legal: share for legal, (_, share) in facts.SELLERS.items()}),
        "orig_interest_rate": pa.array(terms.rate_thousandths / 1000),
        "orig_upb": pa.array(terms.upb.astype(np.int64)),
        "orig_loan_term": pa.array(terms.term),
        "orig_date": month_dates(first_pay - _choose(rng, n, {2: 0.9425, 1: 0.0289, 3: 0.0286})),
        "first_pay_date": month_dates(first_pay),
        "orig_ltv": whole_numbers(terms.ltv),
        "orig_cltv": whole_numbers(_draw_cltv(rng, terms.ltv)),
        "product_type": coded(np.zeros(n, dtype=np.int64), ["FRM"]),
        "relocation_mortgage_indicator": _letters(rng, n, {"N": 0.9936, "Y": 0.0064}),
        **_people(rng, terms),
        **_insurance(rng, insured),
        **home,
    }
    table = pa.table({name: columns[name] for name in ACQUISITION.names})
    msa = home["msa"].to_numpy()
    return Loans(table, loan_id, terms.upb, terms.rate_thousandths, terms.term, first_month, first_age, msa, insured, terms.risk)
