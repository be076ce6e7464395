"""How long it takes to check a pipeline before a row is read: 500 stages, and 2,000 columns with fits.

``python -m bench.checks --out bench/results/NAME.json``. Beside it stands what Polars takes to build the same lazy query and find its
columns, and DuckDB to bind and explain the same SQL; those know no fits, so of the 2,000 columns they are given the applied arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import polars as pl

import gpupipe as gp
from bench.side_by_side import compared, options, table, wanted, written

NUMBERS, TEXTS = [f"x{number}" for number in range(1900)], [f"s{number}" for number in range(100)]


def main() -> None:
    """Run the command."""
    given = options(__doc__, stages=500)
    connection = duckdb.connect()
    few = {"a": pl.Series([1.0, 2.0]), "b": pl.Series([1, 2])}
    wide = {name: pl.Series([1.0, 2.0]) for name in NUMBERS} | {name: pl.Series(["a", "b"]) for name in TEXTS}
    connection.register("few", pl.DataFrame(few).to_arrow())
    connection.register("wide", pl.DataFrame(wide).to_arrow())
    programs = {
        f"{given.stages} stages": {
            "gpupipe": lambda: checked(long_pipeline(few, given.stages)),
            "polars": lambda: named(pl.LazyFrame(few), given.stages),
            "duckdb": lambda: _bound(connection, long_sql(given.stages)),
        },
        "2,000 columns with fits": {
            "gpupipe": lambda: checked(wide_pipeline(wide)),
            "polars": lambda: len(scaled(pl.LazyFrame(wide)).collect_schema()),
            "duckdb": lambda: _bound(connection, wide_sql()),
        },
    }
    made = [compared(name, of_one, given.rounds, n_columns) for name, of_one in programs.items() if wanted(name, given)]
    print(table(made))
    written(given, {"benchmark": "checks", "questions": made})


def checked(pipeline: gp.Pipeline) -> gp.Pipeline:
    """Return the pipeline, checked."""
    pipeline.check()
    return pipeline


def n_columns(answer: Any) -> dict[str, int]:
    """Return how many columns come out."""
    if not isinstance(answer, gp.Pipeline):
        return {"columns": answer}
    plan = answer.plan()
    schema = plan.steps[plan.outputs["rows"]].schema
    return {"columns": 0 if schema is None else len(schema)}


def long_pipeline(columns: Mapping[str, Any], n_stages: int) -> gp.Pipeline:
    """Return a chain of stages: columns, filters, and now and then a group-by that is joined back."""
    rows = gp.FromFrame(pl.DataFrame(columns)).node()
    for number in range(n_stages):
        if number % 5 == 4:
            rows = rows >> gp.Filter(nw.col("a") > -number)
        else:
            rows = rows >> gp.WithColumns(**{f"c{number % 40}": nw.col("a") * number + nw.col("b")})
    return gp.Pipeline("long", rows=rows)


def named(rows: pl.LazyFrame, n_stages: int) -> int:
    """Return how many columns the same chain of Polars' has."""
    for number in range(n_stages):
        if number % 5 == 4:
            rows = rows.filter(pl.col("a") > -number)
        else:
            rows = rows.with_columns(**{f"c{number % 40}": pl.col("a") * number + pl.col("b")})
    return len(rows.collect_schema())


def long_sql(n_stages: int) -> str:
    """Return the same chain as SQL."""
    parts, known = ["s0 AS (SELECT * FROM few)"], {"a", "b"}
    for number in range(n_stages):
        name, new = f"c{number % 40}", f"a * {number} + b"
        if number % 5 == 4:
            query = f"SELECT * FROM s{number} WHERE a > {-number}"
        else:
            query = f"SELECT * REPLACE ({new} AS {name}) FROM s{number}" if name in known else f"SELECT *, {new} AS {name} FROM s{number}"
            known.add(name)
        parts.append(f"s{number + 1} AS ({query})")
    return f"WITH {', '.join(parts)} SELECT * FROM s{n_stages}"


def wide_pipeline(columns: Mapping[str, Any]) -> gp.Pipeline:
    """Return what scales 1,900 columns and encodes 100."""
    rows = gp.FromFrame(pl.DataFrame(columns)).node()
    scaled = gp.Standardize(NUMBERS).fit(rows)(rows)
    encoded = gp.EncodeCategory(TEXTS).fit(scaled)(scaled)
    return gp.Pipeline("wide", rows=encoded)


def scaled(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the same arithmetic in Polars: means and deviations of all rows, and codes of texts."""
    numbers = pl.col(NUMBERS)
    return rows.with_columns((numbers - numbers.mean()) / numbers.std(), pl.col(TEXTS).rank("dense"))


def wide_sql() -> str:
    """Return the same arithmetic as SQL."""
    numbers = [f"({name} - avg({name}) OVER ()) / stddev_samp({name}) OVER () AS {name}" for name in NUMBERS]
    return f"SELECT {', '.join(numbers)}, {', '.join(f'dense_rank() OVER (ORDER BY {name}) AS {name}' for name in TEXTS)} FROM wide"


def _bound(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """Return how many columns a query has, once it is bound."""
    return len(connection.sql(sql).columns)


if __name__ == "__main__":
    main()
