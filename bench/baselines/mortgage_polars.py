"""The mortgage ETL, variant R, written by hand in Polars: one lazy query, run by the streaming engine.

This is what a good Polars author would hand in: nothing of gpupipe is imported. The first choice below was measured at 1M and 10M
rows, the others at one of the two:

- One query that reads the text once. Reading it twice (the windows and the dictionaries first, then everything streamed past
  them) needs 60 % of the memory and a quarter more time.
- The streaming engine, not the in-memory one, which took half as long again.
- The twelve-month windows are `rolling_max_by` and `rolling_min_by` over one integer that grows by 1 a month and jumps between
  loans: 0.2 processor seconds a million rows, against 1.9 for twelve group-bys and their join. `LazyFrame.rolling` is as fast, but
  wants sorted rows and a join; eleven shifts take twice as long.
- A category's code is its place among the sorted distinct values, by `search_sorted`; `rank("dense")` sorts every row, and costs
  more than twice as much.
- The month is sliced out of its text, which is a little faster than a parsed date.
- Numbers are read as Float32, which the features are anyway. The parquet codec and statistics made no difference in time.

Nothing is computed that no output shows: seller_name, the first delinquent months and the dates are dropped by variant R itself, so
`names` is accepted for one call shape with the other programs, and not read. A (loan, month) pair and an acquired loan occur once.
"""
# ruff: noqa: SIM905 - as list literals the names below would take a line each

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

PERFORMANCE = """
    loan_id monthly_reporting_period servicer interest_rate current_actual_upb loan_age
    remaining_months_to_legal_maturity adj_remaining_months_to_maturity maturity_date msa
    current_loan_delinquency_status mod_flag zero_balance_code zero_balance_effective_date last_paid_installment_date
    foreclosed_after disposition_date foreclosure_costs prop_preservation_and_repair_costs asset_recovery_costs
    misc_holding_expenses holding_taxes net_sale_proceeds credit_enhancement_proceeds repurchase_make_whole_proceeds
    other_foreclosure_proceeds non_interest_bearing_upb principal_forgiveness_upb repurchase_make_whole_proceeds_flag
    foreclosure_principal_write_off_amount servicing_activity_indicator""".split()
ACQUISITION = """
    loan_id orig_channel seller_name orig_interest_rate orig_upb orig_loan_term orig_date first_pay_date orig_ltv
    orig_cltv num_borrowers dti borrower_credit_score first_home_buyer loan_purpose property_type num_units
    occupancy_status property_state zip mortgage_insurance_percent product_type coborrow_credit_score
    mortgage_insurance_type relocation_mortgage_indicator""".split()
DROPPED = """
    loan_id monthly_reporting_period maturity_date zero_balance_effective_date last_paid_installment_date
    foreclosed_after disposition_date seller_name orig_date first_pay_date""".split()
CATEGORIES = """
    servicer mod_flag zero_balance_code repurchase_make_whole_proceeds_flag servicing_activity_indicator orig_channel
    first_home_buyer loan_purpose property_type occupancy_status property_state product_type
    relocation_mortgage_indicator""".split()
LABEL = "delinquency_12"
STATUS = "current_loan_delinquency_status"


def etl(performance: list[str], acquisition: list[str], names: str | None, out: str) -> dict[str, object]:
    """Rows, columns, positives and ever-delinquent loans of the feature table, which is written to `out` as parquet."""
    rows = _scan(performance, PERFORMANCE)
    features = [name for name in PERFORMANCE + ACQUISITION if name not in DROPPED]
    table = (
        rows.with_columns(_label(), *_codes(rows))
        .join(_acquired(acquisition), on="loan_id", how="left")
        .select(pl.col(features).cast(pl.Float32).fill_null(-1), LABEL)
    )
    worst = rows.group_by("loan_id").agg(pl.col(STATUS).max())
    ever = worst.select((pl.col(STATUS) >= months).sum().alias(f"ever_{30 * months}") for months in (1, 3, 6))
    written = table.sink_parquet(out, compression="zstd", lazy=True)
    ever_loans = pl.collect_all([written, ever], engine="streaming")[1].row(0)
    n_rows, positives = pl.scan_parquet(out).select(pl.len(), pl.col(LABEL).sum()).collect().row(0)
    return {"rows": n_rows, "columns": len(features) + 1, "positives": positives, "ever": list(ever_loans)}


def _scan(files: list[str], columns: list[str]) -> pl.LazyFrame:
    texts = {*CATEGORIES, *DROPPED} - {"loan_id"}
    schema: dict[str, type[pl.DataType]] = {name: pl.String if name in texts else pl.Float32 for name in columns}
    schema["loan_id"] = pl.Int64
    return pl.scan_csv(files, separator="|", has_header=False, quote_char=None, null_values="NULL", schema=schema)


def _acquired(files: list[str]) -> pl.LazyFrame:
    loans = _scan(files, ACQUISITION)
    return loans.with_columns(_codes(loans)).drop(set(DROPPED) & set(ACQUISITION) - {"loan_id"})


def _label() -> pl.Expr:
    date = pl.col("monthly_reporting_period").str  # MM/DD/YYYY
    months = date.slice(6, 4).cast(pl.Int64) * 12 + date.slice(0, 2).cast(pl.Int64)
    # A window looks back along its index, and R's looks ahead: so time is counted downwards. Two loans are never within 12.
    index = -(pl.col("loan_id") * 32_768 + months)
    delinquent = pl.col(STATUS).rolling_max_by(index, "12i") > 3
    paid_off = pl.col("current_actual_upb").rolling_min_by(index, "12i") == 0
    # A window with no balance at all has a null sum, and so label 0, in cuDF; `delinquent | paid_off` would be true here.
    return ((delinquent.cast(pl.Int8) + paid_off.cast(pl.Int8)) > 0).fill_null(False).cast(pl.Int32).alias(LABEL)


def _codes(frame: pl.LazyFrame) -> list[pl.Expr]:
    present = set(frame.collect_schema()) & set(CATEGORIES)
    texts = [pl.col(name) for name in CATEGORIES if name in present]
    return [pl.when(text.is_not_null()).then(text.drop_nulls().unique().sort().search_sorted(text)) for text in texts]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script run by its path does not see the project root
    from bench.contender import measure, parser

    measure(etl, parser().parse_args())
