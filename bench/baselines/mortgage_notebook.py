"""The mortgage ETL, variant R, as the public notebook does it, step by step, in pandas.

`mortgage_pandas.py` is what an expert writes who knows what the result needs; this is what the benchmark's own notebook writes, and what
people have: read everything with pandas' default reader, filter and group three times for the first late months, group twelve times for
the windows, concatenate, and merge it all back. Only what R later drops again without using it (the seller's names) is left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script run by its path does not see the project root

from bench.baselines.mortgage_polars import ACQUISITION, CATEGORIES, DROPPED, LABEL, PERFORMANCE, STATUS

DATES = [name for name in PERFORMANCE + ACQUISITION if name in DROPPED and name not in ("loan_id", "seller_name")]


def etl(performance: list[str], acquisition: list[str], names: str | None, out: str) -> dict[str, object]:
    """Rows, columns, positives and ever-delinquent loans of the feature table, which is written to `out` as parquet."""
    perf = _read(performance, PERFORMANCE)
    perf["monthly_reporting_period"] = pd.to_datetime(perf["monthly_reporting_period"], format="%m/%d/%Y")
    acquired = _read(acquisition, ACQUISITION).drop(columns=["seller_name", "orig_date", "first_pay_date"])

    worst = perf.groupby("loan_id")[STATUS].max()
    ever = pd.DataFrame({f"ever_{30 * months}": worst >= months for months in (1, 3, 6)}).reset_index()
    for months in (1, 3, 6):
        late = perf[perf[STATUS] >= months].groupby("loan_id")["monthly_reporting_period"].min()
        ever = ever.merge(late.rename(f"delinquency_{30 * months}").reset_index(), on="loan_id", how="left")

    joined = perf[["loan_id", "monthly_reporting_period", STATUS, "current_actual_upb"]].copy()
    joined["year"] = joined["monthly_reporting_period"].dt.year
    joined["month"] = joined["monthly_reporting_period"].dt.month
    joined = joined.merge(ever, on="loan_id", how="left")
    windows = _windows(joined)
    perf["year"], perf["month"] = joined["year"], joined["month"]
    table = perf.merge(windows, on=["loan_id", "year", "month"], how="left").drop(columns=["year", "month"])
    table = table.merge(acquired, on="loan_id", how="left")

    features = [name for name in PERFORMANCE + ACQUISITION if name not in DROPPED]
    for name in CATEGORIES:
        codes = pd.Categorical(table[name]).codes  # categories are sorted, and missing is -1
        table[name] = codes.astype(np.float32)
    label = (table.pop("late") > 0).astype(np.int32)
    result = table[features].astype(np.float32).fillna(-1)
    result[LABEL] = label
    result.to_parquet(out, compression="zstd", index=False)
    counts = [int(ever[f"ever_{30 * months}"].sum()) for months in (1, 3, 6)]
    return {"rows": len(result), "columns": result.shape[1], "positives": int(label.sum()), "ever": counts}


def _read(files: list[str], columns: list[str]) -> pd.DataFrame:
    texts = {*CATEGORIES, "seller_name", *DATES}
    dtypes = {name: "str" if name in texts else "float64" for name in columns} | {"loan_id": "int64"}
    parts = [pd.read_csv(file, sep="|", header=None, names=columns, dtype=dtypes, quoting=3, na_values=["NULL"]) for file in files]
    return pd.concat(parts, ignore_index=True)


def _windows(joined: pd.DataFrame) -> pd.DataFrame:
    month = joined["year"] * 12 + joined["month"]
    parts = []
    for residue in range(1, 13):
        number = np.floor((month - 24_000 - residue) / 12).astype(np.int64).rename("n")
        grouped = joined.groupby(["loan_id", number])
        part = grouped.agg(worst=(STATUS, "max"), lowest=("current_actual_upb", "min")).reset_index()
        part["late"] = (part["worst"] > 3).astype(np.int32) + (part["lowest"] == 0).astype(np.int32)
        part.loc[part["lowest"].isna(), "late"] = 0  # as in cuDF: a sum with a missing part is missing, and counts as 0
        part["year"] = np.floor((12 * part["n"] + 24_000 + residue - 1) / 12).astype(np.int64)
        part["month"] = residue
        parts.append(part[["loan_id", "year", "month", "late"]])
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    from bench.contender import measure, parser

    measure(etl, parser().parse_args())
