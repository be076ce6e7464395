"""Which loans will be delinquent within twelve months: the public mortgage benchmark (its RAPIDS variant), end to end.

From Fannie Mae's acquisition and performance files, or generated ones (``gpupipe data mortgage``), to 45 features and a label for each
month of each loan, and from there to XGBoost models with and without the column that gives the answer away.

    gpupipe run pipelines/mortgage.py -p acquisition='data/acquisition/*' -p performance='data/performance/*' --report report
    gpupipe run pipelines/mortgage.py:etl ... -p out=features.parquet     only the features
    gpupipe run pipelines/mortgage.py:audit ...                           the counts by which implementations are compared
"""

from __future__ import annotations

import fsspec
import narwhals.stable.v2 as nw
from xgboost import XGBClassifier

import gpupipe as gp
from gpupipe.core.node import Table

PERFORMANCE = {
    "loan_id": nw.Int64,
    "monthly_reporting_period": nw.Date,
    "servicer": nw.String,
    "interest_rate": nw.Float64,
    "current_actual_upb": nw.Float64,
    "loan_age": nw.Float64,
    "remaining_months_to_legal_maturity": nw.Float64,
    "adj_remaining_months_to_maturity": nw.Float64,
    "maturity_date": nw.Date,
    "msa": nw.Float64,
    "current_loan_delinquency_status": nw.Int32,
    "mod_flag": nw.String,
    "zero_balance_code": nw.String,
    "zero_balance_effective_date": nw.Date,
    "last_paid_installment_date": nw.Date,
    "foreclosed_after": nw.Date,
    "disposition_date": nw.Date,
    "foreclosure_costs": nw.Float64,
    "prop_preservation_and_repair_costs": nw.Float64,
    "asset_recovery_costs": nw.Float64,
    "misc_holding_expenses": nw.Float64,
    "holding_taxes": nw.Float64,
    "net_sale_proceeds": nw.Float64,
    "credit_enhancement_proceeds": nw.Float64,
    "repurchase_make_whole_proceeds": nw.Float64,
    "other_foreclosure_proceeds": nw.Float64,
    "non_interest_bearing_upb": nw.Float64,
    "principal_forgiveness_upb": nw.Float64,
    "repurchase_make_whole_proceeds_flag": nw.String,
    "foreclosure_principal_write_off_amount": nw.Float64,
    "servicing_activity_indicator": nw.String,
}
ACQUISITION = {
    "loan_id": nw.Int64,
    "orig_channel": nw.String,
    "seller_name": nw.String,
    "orig_interest_rate": nw.Float64,
    "orig_upb": nw.Int64,
    "orig_loan_term": nw.Int64,
    "orig_date": nw.Date,
    "first_pay_date": nw.Date,
    "orig_ltv": nw.Float64,
    "orig_cltv": nw.Float64,
    "num_borrowers": nw.Float64,
    "dti": nw.Float64,
    "borrower_credit_score": nw.Float64,
    "first_home_buyer": nw.String,
    "loan_purpose": nw.String,
    "property_type": nw.String,
    "num_units": nw.Int64,
    "occupancy_status": nw.String,
    "property_state": nw.String,
    "zip": nw.Int64,
    "mortgage_insurance_percent": nw.Float64,
    "product_type": nw.String,
    "coborrow_credit_score": nw.Float64,
    "mortgage_insurance_type": nw.Float64,
    "relocation_mortgage_indicator": nw.String,
}
DATES = {"monthly_reporting_period": "%m/%d/%Y", "last_paid_installment_date": "%m/%d/%Y", "foreclosed_after": "%m/%d/%Y"}
DATES |= {"disposition_date": "%m/%d/%Y", "maturity_date": "%m/%Y", "zero_balance_effective_date": "%m/%Y"}
DATES |= {"orig_date": "%m/%Y", "first_pay_date": "%m/%Y"}

STATUS = "current_loan_delinquency_status"
LABEL = "delinquency_12"
EVER = ("ever_30", "ever_90", "ever_180")
NO_FEATURES = ("loan_id", "seller_name")
FEATURES = tuple(name for name, dtype in (PERFORMANCE | ACQUISITION).items() if dtype is not nw.Date and name not in NO_FEATURES)
TEXTS = tuple(name for name in FEATURES if (PERFORMANCE | ACQUISITION)[name] is nw.String)


def read(path: str, columns: dict[str, type[nw.dtypes.DType]], label: str) -> Table:
    """Return the rows of Fannie Mae's text files, or of Parquet files with the same columns; a loan is in one file."""
    files, folder = fsspec.core.url_to_fs(path)
    found = sorted(files.glob(folder) if "*" in folder else files.find(folder))
    if any(name.endswith(".parquet") for name in found):
        return gp.ReadParquet(path, schema=columns, key="loan_id").node().named(label)
    if found:  # some releases add a column at the end
        with files.open(found[0], "rt", compression="infer") as text:
            n_fields = text.readline().count("|") + 1
        columns = columns | ({"quarter": nw.String} if n_fields == len(columns) + 1 else {})
    formats = {name: pattern for name, pattern in DATES.items() if name in columns}
    source = gp.ReadCsv(
        path, schema=columns, separator="|", quote=None, header=False, null_values=("", "NULL"), date_format=formats, key="loan_id"
    )
    return source.node().named(label)


@gp.rows
def with_month(performance: nw.LazyFrame) -> nw.LazyFrame:
    """Counts months, so that windows are ranges of whole numbers."""
    date = nw.col("monthly_reporting_period").dt
    return performance.with_columns(month=date.year().cast(nw.Int32) * 12 + date.month().cast(nw.Int32))


@gp.by_key("loan_id")
def ever(performance: nw.LazyFrame) -> nw.LazyFrame:
    """Whether each loan was ever 30, 90 or 180 days late."""
    worst = performance.group_by("loan_id").agg(worst=nw.col(STATUS).max())
    return worst.select("loan_id", *((nw.col("worst") >= months).alias(f"ever_{30 * months}") for months in (1, 3, 6)))


@gp.by_key("loan_id")
def windows(performance: nw.LazyFrame) -> nw.LazyFrame:
    """The twelve groupings of the original benchmark: for each residue of the month, one window a year of each loan."""
    parts = []
    for residue in range(1, 13):
        year = ((nw.col("month") - 24000 - residue).cast(nw.Float64) / 12).floor().cast(nw.Int32)
        grouped = performance.with_columns(year=year).group_by("loan_id", "year")
        parts.append(grouped.agg(worst=nw.col(STATUS).max(), lowest=nw.col("current_actual_upb").min()))
    return nw.concat(parts)


@gp.rows
def labelled(table: nw.LazyFrame) -> nw.LazyFrame:
    """Says of each month whether the loan gets more than 90 days late, or is paid off, in the twelve months that begin with it.

    A window without a known balance says neither, and counts as 0, as it does in the original.
    """
    late = (nw.col("worst_12") > 3).cast(nw.Int32) + (nw.col("lowest_12") == 0).cast(nw.Int32)
    return table.with_columns((late > 0).cast(nw.Int32).fill_null(0).alias(LABEL))


@gp.rows
def as_numbers(table: nw.LazyFrame) -> nw.LazyFrame:
    """Makes the features a table has Float32, before its rows get more or wait; by way of Float64: Arrow refuses to round whole numbers."""
    present = [name for name in table.collect_schema().names() if name in FEATURES]
    return table.with_columns(nw.col(present).cast(nw.Float64).cast(nw.Float32))


def features(acquisition: str, months: Table, names: str | None) -> Table:
    """Return the features and the label of each month of each loan, with the loan's number."""
    ahead = gp.Rolling("loan_id", index="month", start=0, stop=12, worst_12=(STATUS, "max"), lowest_12=("current_actual_upb", "min"))
    loans = read(acquisition, ACQUISITION, "acquisition")
    if names is not None:
        short = gp.ReadCsv(names, separator="|", quote=None, schema={"seller_name": nw.String, "new": nw.String}).node().named("names")
        loans = gp.Join("seller_name", how="left")(loans, short) >> gp.Drop("seller_name") >> gp.Rename(new="seller_name")
    of_months, of_loans = (gp.HashCategory([name for name in TEXTS if name in columns]) for columns in (PERFORMANCE, ACQUISITION))
    whole = gp.Join("loan_id", how="left")(labelled(ahead(as_numbers(of_months(months)))), as_numbers(of_loans(loans)))
    return (whole >> gp.FillNull(-1.0, FEATURES) >> gp.Select("loan_id", *FEATURES, LABEL)).named("features")


def model(n_estimators: int) -> XGBClassifier:
    """Return the benchmark's own XGBoost settings, with today's names."""
    return XGBClassifier(
        n_estimators=n_estimators,
        max_depth=8,
        max_leaves=256,
        reg_alpha=0.9,
        learning_rate=0.1,
        gamma=0.1,
        subsample=1,
        reg_lambda=1,
        scale_pos_weight=2,
        min_child_weight=30,
        tree_method="hist",
        grow_policy="lossguide",
        objective="binary:logistic",
        missing=-1.0,
    )


def pipeline(acquisition: str, performance: str, names: str | None = None, n_estimators: int = 100, out: str | None = None) -> gp.Pipeline:
    """Features, label, and two models, evaluated on loans that they have not seen.

    The status of a month is in the label's own window, so a model that sees it is told part of the answer; it is kept because the original
    benchmark does so, and the model without it stands beside it.

    Parameters
    ----------
    acquisition
        File, folder or glob of the loans: text or Parquet.
    performance
        File, folder or glob of their months: text or Parquet.
    names
        Pipe-separated seller names and their short forms, ``seller_name|new``.
    n_estimators
        Boosting rounds of each model.
    out
        Parquet file or folder for the features and the label.
    """
    table = features(acquisition, with_month(read(performance, PERFORMANCE, "performance")), names)
    train, test = gp.Split((0.8, 0.2), by="loan_id", seed=0)(table)
    models, metrics = {}, {}
    for name, columns in (("with_status", FEATURES), ("without_status", tuple(name for name in FEATURES if name != STATUS))):
        fitted = gp.Learn(model(n_estimators), features=columns, target=LABEL).fit(train).named(name)
        scored = fitted.predict_proba(test)
        models[name] = fitted
        metrics[name] = gp.Evaluate(["roc_auc", "log_loss"], target=LABEL)(scored).named(name)
    outputs = {
        "features": gp.Select(FEATURES)(table),
        "positives": gp.Scalar(nw.col(LABEL).sum())(table),
        "model": models["with_status"],
        "model_without_status": models["without_status"],
        "metrics": metrics,
    }
    if out is not None:
        outputs["out"] = gp.WriteParquet(out)(table)
    return gp.Pipeline("mortgage", outputs)


def etl(acquisition: str, performance: str, out: str, names: str | None = None) -> gp.Pipeline:
    """Features and label alone, written to Parquet: the part that benchmarks time by itself.

    Parameters
    ----------
    acquisition
        File, folder or glob of the loans: text or Parquet.
    performance
        File, folder or glob of their months: text or Parquet.
    out
        Parquet file or folder for the features and the label.
    names
        Pipe-separated seller names and their short forms, ``seller_name|new``.
    """
    months = with_month(read(performance, PERFORMANCE, "performance"))
    table = features(acquisition, months, names) >> gp.Drop("loan_id")
    return gp.Pipeline(
        "mortgage-etl",
        out=gp.WriteParquet(out)(table),
        positives=gp.Scalar(nw.col(LABEL).sum())(table),
        ever=gp.Scalar(**{name: nw.col(name).sum() for name in EVER})(ever(months)),
    )


def audit(acquisition: str, performance: str) -> gp.Pipeline:
    """The counts by which implementations of the benchmark are compared.

    Parameters
    ----------
    acquisition
        File, folder or glob of the loans: text or Parquet.
    performance
        File, folder or glob of their months: text or Parquet.
    """
    months = with_month(read(performance, PERFORMANCE, "performance"))
    counts = gp.Scalar(loans=nw.len(), **{name: nw.col(name).sum() for name in EVER})
    rows = gp.Scalar(rows=nw.len(), positives=nw.col(LABEL).sum())(features(acquisition, months, None))
    return gp.Pipeline("mortgage-audit", ever=counts(ever(months)), window_rows=gp.Scalar(nw.len())(windows(months)), features=rows)
