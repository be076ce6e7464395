"""The monthly rows of a batch of loans: what is reported of a loan in each month of its history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gpupipe.datasets import mortgage_facts as facts
from gpupipe.datasets.mortgage_chain import LOST, MONTHS, Histories
from gpupipe.datasets.mortgage_columns import (
    PERFORMANCE,
    Bools,
    Floats,
    Ints,
    at_rows,
    by_loan,
    coded,
    first_days,
    month_dates,
    whole_numbers,
)
from gpupipe.datasets.mortgage_loans import Loans

_MASKED_MONTHS = 6
_SERVICER_CHANGE = 0.011
_UNPAID_BALANCE_ZERO = 0.007  # of the last rows; the others repeat the last balance


@dataclass(frozen=True)
class _Terms:
    """The terms each row's balance follows, and the balance."""

    rate_thousandths: Ints
    remaining: Ints
    balance: Floats


@dataclass(frozen=True)
class _NewTerms:
    """The terms of each loan from the month it was modified; of no meaning for the other loans."""

    principal: Floats
    rate_thousandths: Ints
    n_payments: Ints
    set_aside: Floats  # the part of the debt that bears no interest


def _balance(principal: Floats, rate_thousandths: Ints, n_payments: Ints, n_paid: Ints) -> Floats:
    """Return what is owed after `n_paid` of `n_payments` equal payments."""
    growth = np.log1p(rate_thousandths / 1_200_000)
    whole, so_far = np.exp(n_payments * growth), np.exp(n_paid * growth)
    owed: Floats = np.round(principal * (whole - so_far) / (whole - 1), 2)
    return owed


def _months_behind(histories: Histories) -> Ints:
    """Return the payments missed by each row's month; a loan that ends makes no payment in its last month."""
    before = np.concatenate([np.zeros(1, dtype=np.int64), histories.status[:-1]])
    return np.where(histories.status < 0, before + 1, histories.status)


def _payments(rng: np.random.Generator, loans: Loans, histories: Histories, behind: Ints) -> Ints:
    """Return the payments made by each row's month, among them those made early."""
    n, loan = len(loans.loan_id), histories.loan
    fastest = np.maximum(loans.term / (MONTHS + 14) - 1, 0)  # no loan is paid before the last month it can be observed in
    pace = np.where(rng.random(n) < 0.35, np.minimum(rng.exponential(0.09, n), fastest), 0.0)[loan]
    age = loans.first_age[loan] + histories.month
    early = (pace * np.maximum(age, 0)).astype(np.int64)
    n_paid: Ints = np.clip(age - behind + early, 0, loans.term[loan] - 1)
    return n_paid


def _original_terms(loans: Loans, histories: Histories, n_paid: Ints) -> _Terms:
    loan = histories.loan
    rate, term = loans.rate_thousandths[loan], loans.term[loan]
    remaining = term - loans.first_age[loan] - histories.month
    return _Terms(rate, remaining, _balance(loans.upb[loan], rate, term, n_paid))


def _draw_new_terms(rng: np.random.Generator, loans: Loans, histories: Histories, balance: Floats) -> _NewTerms:
    n = len(loans.loan_id)
    changed = np.minimum(histories.modified_from, histories.length - 1)
    owed = balance[histories.starts + changed - 1]
    set_aside = np.where(rng.random(n) < 0.32, np.round(owed * rng.uniform(0.06, 0.25, n), 2), 0.0)
    low = np.minimum(2000 + 125 * rng.integers(0, 25, n), loans.rate_thousandths)
    rate = np.where(rng.random(n) < 0.2, loans.rate_thousandths, low)
    left = np.maximum(loans.term - loans.first_age - changed, 1)  # a loan may be modified in the month of its last payment
    principal = np.round(owed * rng.uniform(1.0, 1.06, n) - set_aside, 2)
    return _NewTerms(principal, rate, np.where(rng.random(n) < 0.45, 480, left), set_aside)


def _with_modified(terms: _Terms, new: _NewTerms, histories: Histories, behind: Ints, rows: Ints) -> _Terms:
    """Return the terms with those of `rows`, the months after a loan was modified, put in."""
    loan = histories.loan[rows]
    since = histories.month[rows] - histories.modified_from[loan]
    n_payments = new.n_payments[loan]
    n_paid = np.clip(since - behind[rows], 0, n_payments - 1)
    rate, remaining, balance = terms.rate_thousandths.copy(), terms.remaining.copy(), terms.balance.copy()
    rate[rows] = new.rate_thousandths[loan]
    remaining[rows] = n_payments - since
    balance[rows] = _balance(new.principal[loan], rate[rows], n_payments, n_paid)
    return _Terms(rate, remaining, balance)


def _amounts(values: Floats, known: Bools) -> pa.Array:
    return pa.array(np.round(values, 2), mask=~known)


def _foreclosure_columns(rng: np.random.Generator, loans: Loans, histories: Histories, upb: Floats, report: Ints) -> dict[str, pa.Array]:
    """Return the columns that are filled only in the last row of a foreclosed loan."""
    n_rows = len(report)
    rows = np.flatnonzero(histories.status == LOST)
    n = len(rows)
    always = np.ones(n, dtype=np.bool_)
    missed = histories.status[np.maximum(rows - 1, 0)] + 1
    costs = {
        "foreclosure_costs": _amounts(rng.lognormal(8.5, 0.9, n), always),
        "prop_preservation_and_repair_costs": _amounts(rng.lognormal(8.8, 0.8, n), rng.random(n) < 0.83),
        "asset_recovery_costs": _amounts(rng.lognormal(7.2, 1.0, n), rng.random(n) < 0.75),
        "misc_holding_expenses": _amounts(rng.normal(3000, 4500, n), always),
        "holding_taxes": _amounts(rng.lognormal(8.6, 0.8, n), rng.random(n) < 0.92),
        "net_sale_proceeds": _amounts(upb[rows] * rng.uniform(0.3, 1.0, n), always),
        "credit_enhancement_proceeds": _amounts(upb[rows] * 0.25, loans.insured[histories.loan[rows]] & (rng.random(n) < 0.8)),
        "other_foreclosure_proceeds": _amounts(rng.lognormal(6.5, 2.0, n), rng.random(n) < 0.58),
        "last_paid_installment_date": first_days(report[rows] - missed),
        "foreclosed_after": first_days(report[rows]),
        "disposition_date": first_days(report[rows] + rng.integers(0, 27, n)),
    }
    return {name: at_rows(n_rows, rows, values) for name, values in costs.items()}


def _ending_columns(rng: np.random.Generator, histories: Histories, report: Ints) -> dict[str, pa.Array]:
    """Return the columns that are filled only in the last row of a loan whose balance became zero."""
    rows = np.flatnonzero(histories.status < 0)
    lost = histories.status[rows] == LOST
    part = rng.random(len(rows))
    code = np.where(lost, np.where(part < 0.83, 3, 1), np.where(part < 0.021, 2, 0))
    columns = {
        "zero_balance_code": pa.array(["01", "03", "06", "09"]).take(pa.array(code)),
        "zero_balance_effective_date": first_days(report[rows]),
        "repurchase_make_whole_proceeds_flag": pa.array(["N", "Y"]).take(pa.array((code == 2).astype(np.int8))),
    }
    return {name: at_rows(len(report), rows, values) for name, values in columns.items()}


def _servicing_columns(rng: np.random.Generator, histories: Histories) -> dict[str, pa.Array]:
    """Return who services the loan, named in its first row and where that changes, and whether servicing was active."""
    n_rows = len(histories.loan)
    named = (histories.month == 0) | (rng.random(n_rows) < _SERVICER_CHANGE)
    weights = np.cumsum(list(facts.SERVICERS.values()))
    who = np.searchsorted(weights / weights[-1], rng.random(n_rows), side="right")
    active = rng.random(n_rows) < np.where(named, 0.36, 0.005)
    known = (histories.month >= _MASKED_MONTHS) & (histories.status >= 0)
    return {
        "servicer": coded(who, list(facts.SERVICERS), named),
        "servicing_activity_indicator": coded(active.astype(np.int64), ["N", "Y"], known),
    }


def _balances(rng: np.random.Generator, histories: Histories, balance: Floats) -> pa.Array:
    """Return the balance as reported: masked in the first months, sometimes zero in the last row."""
    ended = histories.status < 0
    cleared = ended & (rng.random(len(ended)) < _UNPAID_BALANCE_ZERO)
    return pa.array(np.where(cleared, 0.0, balance), mask=(histories.month < _MASKED_MONTHS) & ~ended)


def performance_table(rng: np.random.Generator, loans: Loans, histories: Histories) -> pa.Table:
    """Return the performance rows of the loans, by loan and month, with the columns of `PERFORMANCE`."""
    loan, ended, n_rows = histories.loan, histories.status < 0, len(histories.loan)
    report = loans.first_month[loan] + histories.month
    behind = _months_behind(histories)
    n_paid = _payments(rng, loans, histories, behind)
    terms = _original_terms(loans, histories, n_paid)
    new = _draw_new_terms(rng, loans, histories, terms.balance)
    modified = histories.month >= histories.modified_from[loan]
    rows = np.flatnonzero(modified)
    terms = _with_modified(terms, new, histories, behind, rows)
    ahead = rng.random(len(loans.loan_id)) < 0.4  # their first payment counts from the first month
    adjusted = np.where(ended, 0, loans.term[loan] - n_paid - ahead[loan])
    low, high = int(terms.rate_thousandths.min()), int(terms.rate_thousandths.max())
    rows = rows[~ended[rows]]
    columns = {
        "loan_id": by_loan(loan, loans.loan_id),
        "monthly_reporting_period": month_dates(report),
        "interest_rate": coded(terms.rate_thousandths - low, np.arange(low, high + 1) / 1000),
        "current_actual_upb": _balances(rng, histories, terms.balance),
        "loan_age": whole_numbers(loans.first_age[loan] + histories.month),
        "remaining_months_to_legal_maturity": whole_numbers(terms.remaining),
        "adj_remaining_months_to_maturity": whole_numbers(adjusted, ended | ~modified),
        "maturity_date": month_dates(report + terms.remaining),
        "msa": by_loan(loan, loans.msa.astype(np.float64)),
        "current_loan_delinquency_status": coded(histories.status + 2, np.arange(-2, MONTHS, dtype=np.int32)),
        "mod_flag": coded(modified.astype(np.int64), ["N", "Y"]),
        "non_interest_bearing_upb": at_rows(n_rows, rows, pa.array(new.set_aside[loan[rows]])),
        **_servicing_columns(rng, histories),
        **_ending_columns(rng, histories, report),
        **_foreclosure_columns(rng, loans, histories, terms.balance, report),
    }
    nothing = {field.name: pa.nulls(n_rows, field.type) for field in PERFORMANCE if field.name not in columns}
    return pa.table({name: (columns | nothing)[name] for name in PERFORMANCE.names})
