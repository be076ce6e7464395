"""Makes the tables of TPC-H at some scale, and its queries as SQL, by DuckDB's extension tpch.

It runs in an environment of its own, since the extension comes with a DuckDB of its own version (see bench/README.md):
``python bench/tpch_data.py --scale 1 --out bench/data/tpch-1``. In the folder are ``decimal/`` and ``float/``, the same tables with money
as Decimal(15, 2) and as Float64, and ``queries/q01.sql`` to ``q22.sql``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb
import duckdb_ext

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


def make_tables(scale: float, folder: Path) -> None:
    """Write the tables and the queries into the folder."""
    extension = next(path for root in duckdb_ext.__path__ for path in Path(root).rglob("tpch.duckdb_extension"))
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"CALL dbgen(sf = {scale})")
    for name in TABLES:
        columns = connection.execute(f"DESCRIBE {name}").fetchall()
        floats = [f'"{column}"::DOUBLE AS "{column}"' for column, dtype, *_ in columns if dtype.startswith("DECIMAL")]
        shown = {"decimal": "*", "float": f"* REPLACE ({', '.join(floats)})" if floats else "*"}
        for kind, wanted in shown.items():
            (folder / kind).mkdir(parents=True, exist_ok=True)
            path = folder / kind / f"{name}.parquet"
            connection.execute(f"COPY (SELECT {wanted} FROM {name}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    (folder / "queries").mkdir(exist_ok=True)
    for number, text in connection.execute("SELECT query_nr, query FROM tpch_queries()").fetchall():
        (folder / "queries" / f"q{number:02}.sql").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    make_tables(given.scale, given.out)
