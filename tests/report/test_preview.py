"""The report shows the first rows of tables, and what their columns hold, as DuckDB has it; whatever engine made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa

import gpupipe as gp
from gpupipe.core.ends import FIRST_COLUMNS, FIRST_ROWS
from gpupipe.report import html_page
from gpupipe.report.preview import SECTION, preview_cards

N_ROWS = FIRST_ROWS + 500
ROWS = pl.DataFrame(
    {
        "id": range(2_000, 2_000 + N_ROWS),
        "x": [None if number % 5 == 0 else number % 7 / 4 for number in range(N_ROWS)],
        "word": ["b", "a", None, "long " * 30, "<b>"] * (N_ROWS // 5),
        "flag": [True, None] * (N_ROWS // 2),
        "day": pl.Series([0, 1, None] * (N_ROWS // 3), dtype=pl.Int32).cast(pl.Date),
        "none": pl.Series([None] * N_ROWS, dtype=pl.Float64),
    }
)


def previews(result: gp.Result) -> dict[str, list[Mapping[str, Any]]]:
    """Return the tables of each preview by the output's name, without other parts."""
    cards = result.report["previews"]
    assert {card["section"] for card in cards} <= {SECTION}
    return {card["title"]: [part for part in card["parts"] if part["kind"] == "table"] for card in cards}


def test_tables_that_come_out_and_are_written(engine: str, tmp_path: Path) -> None:
    rows = gp.SortRows("id")(gp.FromFrame(ROWS).node())
    written = {
        "parquet": gp.WriteParquet(tmp_path / "a.parquet")(rows),
        "folder": gp.WriteParquet(tmp_path / "folder")(rows),
        "arrow": gp.WriteArrow(tmp_path / "a.arrow")(rows),
        "csv": gp.WriteCsv(tmp_path / "a.csv")(rows),
    }
    pipeline = gp.Pipeline("p", {"rows": rows, **written, "none": gp.Filter(nw.col("id") < 0)(rows), "n": gp.Scalar(nw.len())(rows)})
    result = pipeline.run(engine)
    shown = previews(result)
    assert list(shown) == ["rows", *written, "none"]
    first = [[str(number), *row] for number, row in enumerate(ROWS.with_columns(pl.col("day").cast(pl.String)).head(5).rows(), 1)]
    first[3][3] = "long " * 8 + "…"
    with duckdb.connect() as connection:
        connection.register("first", ROWS.head(FIRST_ROWS).to_arrow())
        held = [
            list(
                connection.execute(
                    f"SELECT count(*) - count({name}), count(DISTINCT {name}), min({name}), max({name}) FROM first"
                ).fetchall()[0]
            )
            for name in ROWS.columns
        ]
    for name in ("rows", *written):
        assert shown[name][0]["rows"] == first
        if engine.startswith("dask") and name == "folder":
            continue  # whose first file has fewer rows
        assert shown[name][1]["title"] == f"What the columns hold, in the first 10,000 of {N_ROWS:,} rows"
        for (column, _, *told), expected in zip(shown[name][1]["rows"], held, strict=True):
            ends = ["" if end is None else str(end) if column == "day" else end for end in expected[2:]]
            assert told == [*expected[:2], *(end if column != "word" or len(end) < 40 else end[:40] + "…" for end in ends)]
    assert [row[:2] for row in shown["rows"][1]["rows"]] == [[name, str(dtype)] for name, dtype in nw.from_native(ROWS).schema.items()]
    assert not shown["none"][0]["rows"] and [row[2:] for row in shown["none"][1]["rows"]] == [[0, 0, "", ""]] * 6
    without = pipeline.run(engine, preview=False)
    assert not previews(without)
    moved = [{name: value for name, value in one.report["crossings"].items() if name.endswith("_bytes")} for one in (result, without)]
    assert moved[0] == moved[1]


def test_odd_columns_and_wide_tables() -> None:
    made = {
        "list": [[1], [2, 3]],
        "struct": [{"a": 1}, None],
        "bytes": [b"ab", b"c"],
        "decimal": [Decimal("1.50"), Decimal("0.25")],
        "nan": [float("nan"), float("-inf")],
        "zero": [0, 0],
        " ": ["x", "sk-" + "a" * 30],
        "null": pa.nulls(2),
        "category": pa.array(["b", "a"]).dictionary_encode(),
    }
    table = pa.table(made)
    wide = pa.table({f"c{number}": [number] for number in range(FIRST_COLUMNS + 1)})
    result = gp.Pipeline(
        "p", odd=gp.ToMemory()(gp.FromArrow(table.drop_columns(["null"]), nan_as_null=False).node()), wide=gp.FromArrow(wide).node()
    ).run("cpu")
    shown = previews(result)
    assert [row[1:] for row in shown["odd"][0]["rows"]] == [
        ["[1]", "{'a': 1}", "2 bytes", "1.50", "nan", 0, "x", "b"],
        ["[2, 3]", None, "1 byte", "0.25", "-inf", 0, "***", "a"],
    ]
    told = {row[0]: row[2:] for row in shown["odd"][1]["rows"]}
    assert told["list"] == [0, "", "", ""] and told["struct"] == [1, "", "", ""]
    assert told["decimal"] == [0, 2, "0.25", "1.50"] and told["zero"] == [0, 1, 0, 0] and told["' '"] == [0, 2, "***", "x"]
    assert told["category"] == [0, 2, "a", "b"] and told["nan"][:2] == [0, 2]
    [card] = preview_cards({"t": table.select(["null"])}, {"t": 3}, {})
    assert card["stage"] == 3 and card["parts"][1]["rows"] == [["null", "String", 2, "", "", ""]]
    assert [len(shown["wide"][place]["rows"]) for place in (0, 1)] == [1, FIRST_COLUMNS]
    page = html_page(result.report)
    assert f"The first {FIRST_COLUMNS} of {FIRST_COLUMNS + 1} columns." in page and "in all 2 rows" in page and "sk-aaa" not in page
    json.loads(json.dumps(result.report["previews"], allow_nan=False))


def test_what_is_no_table_has_none() -> None:
    assert not list(preview_cards({"n": 3, "m": {"rows": 3}, "s": "x"}, {"n": 0, "m": 1, "s": 2}, {1: None}))
