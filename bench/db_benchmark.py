"""The questions of the db-benchmark on `cpu` beside Polars written by hand and DuckDB, in one process.

``python -m bench.db_benchmark --rows 10000000 --out bench/results/NAME.json``; the questions are those of `db_questions.py`: each reads
Parquet, and what comes out is summed up. An answer that is held would be mostly the time that holding takes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from polars import col

from bench.db_questions import CORRELATION, GROUPED, JOINED, TOP_TWO, table_questions
from bench.question import Question
from bench.side_by_side import compared, options, summed, table, wanted, written

_REDUCED = {"sum": "sum", "mean": "avg", "max": "max", "min": "min", "median": "median", "std": "stddev_samp", "len": "count"}
# Of each plain question: the new columns, each a function of a column.
_MADE = {
    "q1": {"v1": ("v1", "sum")},
    "q2": {"v1": ("v1", "sum")},
    "q3": {"v1": ("v1", "sum"), "v3": ("v3", "mean")},
    "q4": {name: (name, "mean") for name in ("v1", "v2", "v3")},
    "q5": {name: (name, "sum") for name in ("v1", "v2", "v3")},
    "q6": {"median": ("v3", "median"), "sd": ("v3", "std")},
    "q7": {"most": ("v1", "max"), "least": ("v2", "min")},
    "q10": {"v3": ("v3", "sum"), "count": ("v3", "len")},
}


def main() -> None:
    """Run the command."""
    given = options(__doc__, rows=10_000_000)
    given.data.mkdir(parents=True, exist_ok=True)
    made = [asked(question, given.data, given.rounds) for question in table_questions(given.rows) if wanted(question.name, given)]
    print(table(made))
    sums = {kind: summed(some) for kind in ("group-by", "join") if (some := [one for one in made if one["name"].startswith(kind)])}
    for kind, sum_ in sums.items():
        print(kind, {program: taken["cpu_ratio"] for program, taken in sum_.items()})
    written(given, {"benchmark": "db-benchmark", "rows": given.rows, "questions": made, "sums": sums})


def asked(question: Question, data: Path, rounds: int) -> dict[str, Any]:
    """Return what a question took in each program."""
    where = question.prepare(data)
    with tempfile.TemporaryDirectory() as out:
        programs = {
            "gpupipe": lambda: question.build(where, Path(out)).run("cpu")["answer"],
            "polars": lambda: in_polars(question.name, where).collect(engine="streaming"),
            "duckdb": in_duckdb(question.name, where),
        }
        return compared(question.name.partition(":")[0], programs, rounds) | {"question": question.name}


def in_polars(name: str, where: Any) -> pl.LazyFrame:
    """Return a question as a query by hand."""
    if name in JOINED:
        right, key, how = JOINED[name]
        left, other = (pl.scan_parquet(where[side]) for side in ("left", right))
        return _sums(left.select(key, "v1").join(other.select(key, "v2"), on=key, how=how), "v1", "v2")
    rows = pl.scan_parquet(where)
    if name == TOP_TWO:
        return _sums(rows.drop_nulls("v3").group_by("id6").agg(col("v3").top_k(2)).explode("v3"), "v3")
    if name == CORRELATION:
        squared = pl.corr(col("v1").cast(pl.Float64), col("v2").cast(pl.Float64)) ** 2
        return _sums(rows.group_by("id2", "id4").agg(r2=squared).filter(col("r2").is_not_nan()), "r2")
    number, keys = _number(name), GROUPED[name][0]
    made = {new: pl.len() if how == "len" else getattr(col(of), how)() for new, (of, how) in _MADE[number].items()}
    grouped = rows.group_by(keys).agg(**made)
    if number == "q7":
        return _sums(grouped.select(range=col("most") - col("least")), "range")
    return _sums(grouped, *made)


def _sums(frame: pl.LazyFrame, *columns: str) -> pl.LazyFrame:
    """Return how many rows there are, and the sums of columns."""
    return frame.select(pl.len().alias("n_rows"), *(col(name).cast(pl.Float64).sum() for name in columns))


def in_duckdb(name: str, where: Any) -> Callable[[], Any]:
    """Return what runs a question as SQL."""
    connection = duckdb.connect()
    sql = _sql(name, where)
    return lambda: connection.sql(sql).to_arrow_table()


def _sql(name: str, where: Any) -> str:
    """Return a question as SQL."""
    if name in JOINED:
        right, key, how = JOINED[name]
        join = f"{_read(where['left'])} AS x {how.upper()} JOIN {_read(where[right])} AS y ON x.{key} = y.{key}"
        return f"SELECT count(*), sum(x.v1), sum(y.v2) FROM {join}"
    rows = _read(where)
    if name == TOP_TWO:
        return f"SELECT count(*), sum(v3) FROM (SELECT unnest(max(v3, 2)) AS v3 FROM {rows} GROUP BY id6)"
    if name == CORRELATION:
        return f"SELECT count(r2), sum(r2) FROM (SELECT pow(corr(v1, v2), 2) AS r2 FROM {rows} GROUP BY id2, id4) WHERE NOT isnan(r2)"
    number, keys = _number(name), ", ".join(GROUPED[name][0])
    made = {new: f"{_REDUCED[how]}({of})" for new, (of, how) in _MADE[number].items()}
    inside = f"SELECT {', '.join(f'{call} AS {new}' for new, call in made.items())} FROM {rows} GROUP BY {keys}"
    sums = ["most - least"] if number == "q7" else list(made)
    return f"SELECT count(*), {', '.join(f'sum({new})' for new in sums)} FROM ({inside})"


def _read(where: Path) -> str:
    """Return the rows of a folder or file of Parquet."""
    return f"read_parquet('{where}/*.parquet')" if Path(where).is_dir() else f"read_parquet('{where}')"


def _number(name: str) -> str:
    """Return ``q3`` of ``group-by q3: ...``."""
    return name.partition(":")[0].rpartition(" ")[2]


if __name__ == "__main__":
    main()
