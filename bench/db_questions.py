"""The questions of the db-benchmark as pipelines: read Parquet, group or join, and reduce what comes out to counts and sums.

Source: the ten group-by and five join questions of duckdblabs/db-benchmark. There the result is held as a table; here it is summed up, so
that the answers of engines can be compared, and columns that nobody sums up are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

import gpupipe as gp
from bench.db_tables import make_group_by_table, make_join_tables
from bench.question import Question

GROUPED: dict[str, tuple[Sequence[str], dict[str, Any]]] = {
    "group-by q1: sum v1 by id1": (("id1",), {"v1": nw.col("v1").sum()}),
    "group-by q2: sum v1 by id1:id2": (("id1", "id2"), {"v1": nw.col("v1").sum()}),
    "group-by q3: sum v1 mean v3 by id3": (("id3",), {"v1": nw.col("v1").sum(), "v3": nw.col("v3").mean()}),
    "group-by q4: mean v1:v3 by id4": (("id4",), {name: nw.col(name).mean() for name in ("v1", "v2", "v3")}),
    "group-by q5: sum v1:v3 by id6": (("id6",), {name: nw.col(name).sum() for name in ("v1", "v2", "v3")}),
    "group-by q6: median v3 sd v3 by id4 id5": (("id4", "id5"), {"median": nw.col("v3").median(), "sd": nw.col("v3").std()}),
    "group-by q7: max v1 - min v2 by id3": (("id3",), {"most": nw.col("v1").max(), "least": nw.col("v2").min()}),
    "group-by q10: sum v3 count by id1:id6": (
        ("id1", "id2", "id3", "id4", "id5", "id6"),
        {"v3": nw.col("v3").sum(), "count": nw.len()},
    ),
}
TOP_TWO = "group-by q8: largest two v3 by id6"
CORRELATION = "group-by q9: squared correlation v1 v2 by id2 id4"
# Question: the table on the right, the key, and how.
JOINED = {
    "join q1: small inner on int": ("small", "id1", "inner"),
    "join q2: medium inner on int": ("medium", "id2", "inner"),
    "join q3: medium left on int": ("medium", "id2", "left"),
    "join q4: medium inner on text": ("medium", "id5", "inner"),
    "join q5: big inner on int": ("big", "id3", "inner"),
}


def table_questions(rows: int) -> list[Question]:
    """Return the questions on tables of that many rows, in the benchmark's order."""
    grouped = {name: partial(_grouped, name) for name in GROUPED} | {TOP_TWO: _top_two, CORRELATION: _correlation}
    by_number = sorted(grouped.items(), key=lambda item: int(item[0].partition(":")[0].rpartition("q")[2]))
    return [
        *(Question(name, rows, partial(make_group_by_table, rows=rows), build) for name, build in by_number),
        *(Question(name, rows, partial(make_join_tables, rows=rows), partial(_joined, *how)) for name, how in JOINED.items()),
    ]


def _summed(table: Any, *columns: str) -> gp.Pipeline:
    """Return the pipeline that counts a table's rows, and sums up columns as floats, since whole numbers of 32 bits would overflow."""
    sums = {name: nw.col(name).cast(nw.Float64).sum() for name in columns}
    return gp.Pipeline("question", answer=gp.Scalar(n_rows=nw.len(), **sums)(table))


def _grouped(name: str, data: Path, out: Path) -> gp.Pipeline:
    """Return a question of plain aggregates."""
    keys, aggregates = GROUPED[name]
    table = gp.GroupBy(keys, **aggregates)(gp.ReadParquet(data).node())
    if "least" in aggregates:
        return _summed(gp.WithColumns(range=nw.col("most") - nw.col("least"))(table), "range")
    return _summed(table, *aggregates)


@gp.by_key("id6")
def largest_two(rows: nw.LazyFrame) -> nw.LazyFrame:
    """Keeps the two rows of each key with the largest v3."""
    place = nw.col("v3").rank("ordinal", descending=True).over("id6")
    return rows.select("id6", "v3").with_columns(place=place).filter(nw.col("place") <= 2)


def _top_two(data: Path, out: Path) -> gp.Pipeline:
    return _summed(largest_two(gp.ReadParquet(data).node()), "v3")


def _correlation(data: Path, out: Path) -> gp.Pipeline:
    """Return the question of the correlation, from sums: no engine but Polars has it as an aggregate.

    Keys in which one of the two never changes, as there are in small tables, have none and are left out.
    """
    one, other = (nw.col(name).cast(nw.Float64) for name in ("v1", "v2"))
    products = {"x": one, "y": other, "xx": one * one, "yy": other * other, "xy": one * other}
    sums = {name: nw.col(name).sum() for name in products}
    table = gp.GroupBy(["id2", "id4"], n=nw.len(), **sums)(gp.WithColumns(**products)(gp.ReadParquet(data).node()))
    n, x, y, xx, yy, xy = (nw.col(name).cast(nw.Float64) for name in ("n", "x", "y", "xx", "yy", "xy"))
    spread = gp.WithColumns(below=(n * xx - x * x) * (n * yy - y * y), over=n * xy - x * y)(table) >> gp.Filter(nw.col("below") > 0)
    return _summed(gp.WithColumns(r2=nw.col("over") * nw.col("over") / nw.col("below"))(spread), "r2")


def _joined(right: str, key: str, how: Any, data: dict[str, Path], out: Path) -> gp.Pipeline:
    left, other = gp.ReadParquet(data["left"]).node(), gp.Select(key, "v2")(gp.ReadParquet(data[right]).node())
    return _summed(gp.Join(key, how=how)(gp.Select(key, "v1")(left), other), "v1", "v2")
