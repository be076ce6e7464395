"""The mortgage ETL, variant R, written by hand on dask.dataframe: what a good Dask author would hand in; nothing of gpupipe is imported.

What one worker does with a file is `mortgage_pandas.py`, whose choices are explained there; what is chosen here:

- One partition a file (`from_map`), read by `engine="pyarrow"` into Arrow dtypes, as pandas' reader for one file does it. A loan's
  months stand in one file, so windows and the counts of late loans need no shuffle: they are NumPy within `map_partitions`. A single
  file is a single partition, and one worker reads it: cutting it would put a shuffle of all rows before the windows.
- The acquisition side is small, so it is one partition, and the merge sends it to every other: `dd.merge` does so by itself where one
  side has a single partition.
- A category's code is 32 bits of a hash of its text, each distinct text hashed once a partition. Places in sorted order, as the
  programs of one process have them, would take a pass of their own over all files before the first row could be written.
- Everything that is wanted is one `dask.compute`, so that a file is read once. The workers write the parts of a folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script run by its path does not see the project root

from bench.baselines.mortgage_pandas import ACQUISITION, CATEGORIES, DROPPED, LABEL, PERFORMANCE, _read_file, _windows

OF_MONTHS = [name for name in PERFORMANCE if name not in ("loan_id", *DROPPED)]
OF_LOANS = [name for name in ACQUISITION if name not in ("loan_id", *DROPPED)]


def etl(performance: list[str], acquisition: list[str], names: str | None, out: str) -> dict[str, object]:
    """Rows, columns, positives and ever-delinquent loans of the feature table, which is written to the folder `out` as parquet."""
    with dask.config.set({"dataframe.convert-string": False}):
        rows = dd.from_map(read_months, performance, meta=_read_meta(PERFORMANCE, ["monthly_reporting_period"]))
        acquired = dd.from_map(read_loans, acquisition, meta=_meta(["loan_id", *OF_LOANS])).repartition(npartitions=1)
        months = rows.map_partitions(month_features, meta=_meta(["loan_id", *OF_MONTHS], LABEL))
        joined = months.merge(acquired, on="loan_id", how="left")
        table = joined.map_partitions(finished, meta=_meta([*OF_MONTHS, *OF_LOANS], LABEL))
        late = rows.map_partitions(late_loans, meta=pd.DataFrame({f"ever_{days}": np.zeros(0, np.int64) for days in (30, 90, 180)})).sum()
        facts = table.map_partitions(counted, meta=pd.DataFrame({"rows": np.zeros(0, np.int64), "positives": np.zeros(0, np.int64)})).sum()
        written = table.to_parquet(out, compression="zstd", use_dictionary=False, write_index=False, compute=False)
        _, ever, found = dask.compute(written, late, facts)
    columns = len(OF_MONTHS) + len(OF_LOANS) + 1
    return {"rows": int(found["rows"]), "columns": columns, "positives": int(found["positives"]), "ever": [int(count) for count in ever]}


def read_months(file: str) -> pd.DataFrame:
    """The months of a file, in Arrow dtypes."""
    return _read(file, PERFORMANCE, ["monthly_reporting_period"])


def read_loans(file: str) -> pd.DataFrame:
    """The features of the loans of a file."""
    loans = _read(file, ACQUISITION, [])
    return pd.concat([loans["loan_id"].astype(np.int64), _features(loans, OF_LOANS)], axis=1)


def month_features(rows: pd.DataFrame) -> pd.DataFrame:
    """The features and the label of each month."""
    label, _ = _windows(rows)
    return pd.concat([rows["loan_id"].astype(np.int64), _features(rows, OF_MONTHS), pd.Series(label, rows.index, name=LABEL)], axis=1)


def late_loans(rows: pd.DataFrame) -> pd.DataFrame:
    """How many loans were ever 30, 90 and 180 days late."""
    worst = rows.groupby("loan_id", sort=False)["current_loan_delinquency_status"].max()
    return pd.DataFrame({f"ever_{30 * months}": [int((worst >= months).sum())] for months in (1, 3, 6)})


def finished(joined: pd.DataFrame) -> pd.DataFrame:
    """The features in order, without missing values, and the label."""
    return joined[[*OF_MONTHS, *OF_LOANS]].fillna(np.float32(-1)).assign(**{LABEL: joined[LABEL]})


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """The rows and the positives of a partition."""
    return pd.DataFrame({"rows": [len(table)], "positives": [int(table[LABEL].sum())]})


def _read(file: str, columns: list[str], keep: list[str]) -> pd.DataFrame:
    wanted, dtypes = _wanted(columns, keep)
    return _read_file(file, wanted, [columns.index(name) for name in wanted], dtypes)


def _wanted(columns: list[str], keep: list[str]) -> tuple[list[str], dict[str, pd.ArrowDtype]]:
    wanted = [name for name in columns if name not in DROPPED or name in keep]
    text, number = pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.float32())
    return wanted, {name: text if name in (*CATEGORIES, *DROPPED) else number for name in wanted} | {"loan_id": pd.ArrowDtype(pa.int64())}


def _read_meta(columns: list[str], keep: list[str]) -> pd.DataFrame:
    wanted, dtypes = _wanted(columns, keep)
    return pd.DataFrame({name: pd.Series([], dtype=dtypes[name]) for name in wanted})


def _meta(columns: list[str], label: str | None = None) -> pd.DataFrame:
    made = {name: np.zeros(0, np.int64 if name == "loan_id" else np.float32) for name in columns}
    return pd.DataFrame(made if label is None else made | {label: np.zeros(0, np.int32)})


def _features(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: _feature(frame[name]) for name in names}, index=frame.index, copy=False)


def _feature(column: pd.Series) -> np.ndarray[Any, Any]:
    if column.name not in CATEGORIES:
        return column.to_numpy(np.float32, na_value=-1)
    code, distinct = pd.factorize(column)
    hashed = pd.util.hash_array(np.asarray(distinct, dtype=object)) >> np.uint64(32)
    return np.append(hashed.astype(np.float32), np.float32(-1))[code]  # a missing value has the code -1


if __name__ == "__main__":
    from bench.contender import parser
    from bench.contender_cluster import measure_on_cluster

    measure_on_cluster(lambda cluster, *given: etl(*given), parser().parse_args())
