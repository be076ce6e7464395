"""The columns of the mortgage files, and how numpy arrays become columns.

A column that holds few distinct values is a dictionary column: its codes are cheap to make, and its text is made once for each
distinct value instead of once for each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_TYPES = {"i32": pa.int32(), "i64": pa.int64(), "f64": pa.float64(), "str": pa.string(), "date": pa.date32()}


def _schema(text: str) -> pa.Schema:
    return pa.schema([(name, _TYPES[kind]) for name, kind in (item.split(":") for item in text.split())])


ACQUISITION = _schema(
    "loan_id:i64 orig_channel:str seller_name:str orig_interest_rate:f64 orig_upb:i64 orig_loan_term:i64 orig_date:date "
    "first_pay_date:date orig_ltv:f64 orig_cltv:f64 num_borrowers:f64 dti:f64 borrower_credit_score:f64 first_home_buyer:str "
    "loan_purpose:str property_type:str num_units:i64 occupancy_status:str property_state:str zip:i64 "
    "mortgage_insurance_percent:f64 product_type:str coborrow_credit_score:f64 mortgage_insurance_type:f64 "
    "relocation_mortgage_indicator:str"
)

PERFORMANCE = _schema(
    "loan_id:i64 monthly_reporting_period:date servicer:str interest_rate:f64 current_actual_upb:f64 loan_age:f64 "
    "remaining_months_to_legal_maturity:f64 adj_remaining_months_to_maturity:f64 maturity_date:date msa:f64 "
    "current_loan_delinquency_status:i32 mod_flag:str zero_balance_code:str zero_balance_effective_date:date "
    "last_paid_installment_date:date foreclosed_after:date disposition_date:date foreclosure_costs:f64 "
    "prop_preservation_and_repair_costs:f64 asset_recovery_costs:f64 misc_holding_expenses:f64 holding_taxes:f64 "
    "net_sale_proceeds:f64 credit_enhancement_proceeds:f64 repurchase_make_whole_proceeds:f64 "
    "other_foreclosure_proceeds:f64 non_interest_bearing_upb:f64 principal_forgiveness_upb:f64 "
    "repurchase_make_whole_proceeds_flag:str foreclosure_principal_write_off_amount:f64 servicing_activity_indicator:str"
)


def month_number(year: int, month: int) -> int:
    """Return the month counted from January 1970.

    Examples
    --------
    >>> month_number(1970, 1), month_number(2007, 9)
    (0, 452)
    """
    return (year - 1970) * 12 + month - 1


def first_days(months: Ints) -> pa.Array:
    """Return the first day of each month, given as `month_number`, as date32.

    Examples
    --------
    >>> first_days(np.array([452])).to_pylist()
    [datetime.date(2007, 9, 1)]
    """
    return pa.array(months.astype("datetime64[M]").astype("datetime64[D]"))


def coded(codes: Ints, values: Sequence[str] | npt.NDArray[Any], known: Bools | None = None) -> pa.DictionaryArray:
    """Return the dictionary column ``values[codes]``, null where not `known`.

    Examples
    --------
    >>> coded(np.array([1, 0]), ["N", "Y"], np.array([True, False])).to_pylist()
    ['Y', None]
    """
    indices = pa.array(codes.astype(np.int32), mask=None if known is None else ~known)
    return pa.DictionaryArray.from_arrays(indices, pa.array(values))


def whole_numbers(values: Ints, known: Bools | None = None) -> pa.DictionaryArray:
    """Return whole numbers of a narrow range as a float64 dictionary column, null where not `known`.

    Examples
    --------
    >>> whole_numbers(np.array([360, 359])).to_pylist()
    [360.0, 359.0]
    """
    low, high = int(values.min()), int(values.max())
    return coded(values - low, np.arange(low, high + 1, dtype=np.float64), known)


def by_loan(loan: Ints, values: npt.NDArray[Any]) -> pa.DictionaryArray:
    """Return the rows' values, given those of the loans, with a dictionary of the distinct values.

    Examples
    --------
    >>> by_loan(np.array([0, 0, 1, 2]), np.array([7, 5, 7])).to_pylist()
    [7, 7, 5, 7]
    """
    distinct, codes = np.unique(values, return_inverse=True)
    return coded(codes[loan], distinct)


def month_dates(months: Ints, known: Bools | None = None) -> pa.DictionaryArray:
    """Return months, given as `month_number`, as a date32 dictionary column, null where not `known`.

    Examples
    --------
    >>> month_dates(np.array([452, 453])).to_pylist()
    [datetime.date(2007, 9, 1), datetime.date(2007, 10, 1)]
    """
    low, high = int(months.min()), int(months.max())
    return coded(months - low, np.arange(low, high + 1).astype("datetime64[M]").astype("datetime64[D]"), known)


def at_rows(n_rows: int, rows: Ints, values: pa.Array) -> pa.Array:
    """Return a column of `n_rows` that holds `values` at `rows` and null elsewhere.

    Examples
    --------
    >>> at_rows(3, np.array([1]), pa.array(["01"])).to_pylist()
    [None, '01', None]
    """
    positions = np.zeros(n_rows, dtype=np.int32)
    positions[rows] = np.arange(len(rows), dtype=np.int32)
    absent = np.ones(n_rows, dtype=np.bool_)
    absent[rows] = False
    return values.take(pa.array(positions, mask=absent))
