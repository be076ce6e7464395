"""The 22 queries of TPC-H: the pipelines of `tests/conformance` beside Polars written by hand and DuckDB's SQL, in one process.

``python -m bench.tpch --scale 0.5 --money float --out bench/results/NAME.json``; the data come from `tpch_data.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

import gpupipe as gp
from bench.baselines import tpch_polars
from bench.side_by_side import compared, options, summed, table, wanted, written
from tests.conformance.queries import QUERIES, Tables

AMOUNTS = {"decimal": Decimal, "float": float}
PLAN_MS = "plan ms"


def main() -> None:
    """Run the command."""
    given = options(__doc__, scale="0.5", money="float")
    folder = given.data / f"tpch-{given.scale}"
    made = [asked(number, folder, given.money, given.rounds) for number in range(22) if wanted(f"q{number + 1:02}", given)]
    print(table(made, PLAN_MS))
    written(given, {"benchmark": "tpch", "scale": given.scale, "money": given.money, "questions": made, "sum": summed(made)})


def asked(number: int, folder: Path, money: str, rounds: int) -> dict[str, Any]:
    """Return what a query took in each program, and how long gpupipe planned it."""
    data = folder / money
    query, by_hand = QUERIES[number], tpch_polars.QUERIES[number]

    def pipeline() -> gp.Pipeline:
        return gp.Pipeline(query.__name__, answer=query(Tables(data, AMOUNTS[money])))

    programs = {
        "gpupipe": lambda: pipeline().run("cpu")["answer"],
        "polars": lambda: by_hand(tpch_polars.Tables(data)).collect(engine="streaming"),
        "duckdb": _in_duckdb(data, (folder / "queries" / f"{query.__name__}.sql").read_text(encoding="utf-8")),
    }
    return compared(query.__name__, programs, rounds) | {PLAN_MS: round(_least_seconds(lambda: pipeline().plan()) * 1000, 1)}


def _in_duckdb(data: Path, sql: str) -> Callable[[], Any]:
    """Return what runs a query on the Parquet files."""
    connection = duckdb.connect()
    for path in sorted(data.glob("*.parquet")):
        connection.execute(f"CREATE VIEW {path.stem} AS FROM read_parquet('{path}')")
    return lambda: connection.sql(sql).to_arrow_table()


def _least_seconds(run: Callable[[], Any], times: int = 7) -> float:
    """Return the processor seconds of the quickest of some runs."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        run()
        taken.append(time.process_time() - started)
    return min(taken)


if __name__ == "__main__":
    main()
