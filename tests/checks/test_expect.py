"""Expect: rows that break rules are counted as DuckDB counts them, and read = kept + rejected on every engine."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, StageError, UsageError
from gpupipe.testing.compare import as_arrow, assert_same_rows

ROWS = pl.DataFrame(
    {
        "id": [1, 2, 2, None, None, 5, 6, 6, 7],
        "fare": [5.0, -1.0, 3.0, 2.0, None, 900.0, 1.0, 1.0, 4.0],
        "zone": ["a", "a", "x", None, "b", "b", "y", "b", "a"],
        "word": ["ok"] * 8 + ["bad"],
    }
)
ZONES = pl.DataFrame({"name": ["a", "b", "b", None]})


def expected(mode: Any = "quarantine", rows: pl.DataFrame = ROWS, **options: Any) -> Any:
    zones = gp.FromFrame(ZONES).node()
    rules = {
        "paid": nw.col("fare") > 0,
        "once": gp.Unique("id"),
        "known": gp.ForeignKey("zone", zones, "name"),
        "range": gp.Within("fare", None, 500),
    }
    return gp.Expect(mode=mode, **rules, **options)(gp.FromFrame(rows).node())  # type: ignore[arg-type]


def test_counts_are_duckdbs(engine: str, tmp_path: Path) -> None:
    made = expected()
    written = gp.WriteParquet(tmp_path / "rejected.parquet")(made.rejected)
    result = gp.Pipeline("p", kept=made.kept, rejected=made.rejected, counts=made.counts, written=written).run(engine)
    broken = {
        "paid": "NOT coalesce(fare > 0, true)",
        "once": "id IN (SELECT id FROM rows GROUP BY id HAVING count(*) > 1)",
        "known": "zone IS NOT NULL AND zone NOT IN (SELECT name FROM zones WHERE name IS NOT NULL)",
        "range": "fare > 500",
    }
    with duckdb.connect() as base:
        base.register("rows", ROWS.to_arrow())
        base.register("zones", ZONES.to_arrow())
        counts = {
            name: base.sql(f"SELECT count(*) FROM rows WHERE coalesce({rule}, false)").fetchall()[0][0] for name, rule in broken.items()
        }
        anything = " OR ".join(f"coalesce({rule}, false)" for rule in broken.values())
        kept = base.sql(f"SELECT * FROM rows WHERE NOT ({anything})").to_arrow_table()
    assert result["counts"] == {"read": 9, "kept": kept.num_rows, "rejected": 9 - kept.num_rows, **counts}
    assert_same_rows(as_arrow(result["kept"]), kept)
    rejected = result["rejected"].to_polars()
    assert dict(rejected.filter(pl.col("id") == 2).select("fare", "reason").rows()) == {-1.0: "paid, once", 3.0: "once, known"}
    assert dict(rejected.filter(pl.col("id") != 2).group_by("reason").len().rows()) == {"range": 1, "once, known": 1, "once": 1}
    assert_same_rows(pl.read_parquet(tmp_path / "rejected.parquet"), rejected)
    (card,) = [card for card in result.report["cards"] if card["title"] == "Expectations"]
    assert [row[0] for row in card["parts"][0]["rows"]] == ["paid", "once", "known", "range"]


def test_a_run_ends_before_anything_is_written(engine: str, tmp_path: Path) -> None:
    (tmp_path / "out.parquet").write_bytes(b"old")
    with pytest.raises(StageError, match=r"paid: 1 of 9 rows break .*; once: 4 of 9 rows break one row for each id; known: 2 of 9"):
        gp.Pipeline("p", out=gp.WriteParquet(tmp_path / "out.parquet")(expected("fail").kept)).run(engine)
    assert (tmp_path / "out.parquet").read_bytes() == b"old"


def test_what_is_as_expected_goes_on(engine: str) -> None:
    rows = ROWS.filter(pl.col("id").is_in([1, 7]))
    result = gp.Pipeline("p", kept=expected("fail", rows).kept).run(engine)
    assert_same_rows(as_arrow(result["kept"]), rows)


def test_a_warning_lets_all_rows_go_on() -> None:
    with pytest.warns(gp.ExpectationWarning, match="paid: 1 of 9 rows break"):
        result = gp.Pipeline("p", kept=expected("warn").kept).run("cpu")
    assert_same_rows(as_arrow(result["kept"]), ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gp.Pipeline("p", kept=expected("warn", ROWS.head(1)).kept).run("cpu")


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"few": gp.AtMostMissing("id", 0.2)}, "few: 2 of 9 values of 'id' are missing, more than 20.00%"),
        ({"many": gp.RowCount(10)}, "many: there are 9 rows, expected 10 or more rows"),
        ({"some": gp.RowCount(1, 5)}, "some: there are 9 rows, expected 1 to 5 rows"),
    ],
)
def test_rules_of_the_table(rules: dict[str, Any], said: str) -> None:
    rows = gp.FromFrame(ROWS).node()
    for mode in ("fail", "quarantine"):
        with pytest.raises(StageError, match=said):
            gp.Pipeline("p", kept=gp.Expect(mode=mode, **rules)(rows).kept).run("cpu")  # type: ignore[arg-type]
    sound = gp.Expect(few=gp.AtMostMissing("id", 0.3), many=gp.RowCount(9, 9))(rows)
    result = gp.Pipeline("p", kept=sound.kept, counts=sound.counts).run("cpu")
    assert len(result["kept"]) == 9
    assert result["counts"] == {"read": 9, "kept": 9, "rejected": 0, "few": 2, "many": 9}


def test_too_many_rejected_rows_end_the_run() -> None:
    with pytest.raises(StageError, match=r"5 of 9 rows are rejected, more than 50\.00%"):
        gp.Pipeline("p", kept=expected(at_most=0.5).kept).run("cpu")
    assert len(gp.Pipeline("p", kept=expected(at_most=0.7).kept).run("cpu")["kept"]) == 4


def test_no_rows_break_nothing(engine: str) -> None:
    made = expected(rows=ROWS.head(0))
    result = gp.Pipeline("p", kept=made.kept, rejected=made.rejected, counts=made.counts).run(engine)
    assert (len(result["kept"]), len(result["rejected"])) == (0, 0)
    assert set(result["counts"].values()) == {0}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "at least one rule by name"),
        ({"mode": "ignore", "a": nw.col("a") > 0}, "the modes 'fail', 'warn' and 'quarantine', got 'ignore'"),
        ({"a": "fare > 0"}, "takes for 'a' an expression or a rule"),
        ({"a": nw.col("a") > nw.col("a").mean()}, "looks at others .mean."),
        ({"kept": nw.col("a") > 0}, "Give the rule another name"),
        ({"at_most": 0.1, "a": nw.col("a") > 0}, "in mode 'quarantine'"),
    ],
)
def test_wrong_calls(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        gp.Expect(**options)
    with pytest.raises(UsageError, match="an end of the range"):
        gp.Within("a")


def test_a_column_that_is_not_there_is_found_in_the_plan() -> None:
    rows = gp.FromFrame(ROWS).node()
    for rule in (
        nw.col("far") > 0,
        gp.Unique("far"),
        gp.Within("far", 0),
        gp.AtMostMissing("far", 0.1),
        gp.ForeignKey("far", rows, "fare"),
    ):
        with pytest.raises(ColumnError, match="Did you mean 'fare'"):
            gp.Pipeline("p", kept=gp.Expect(rule=rule)(rows).kept).check()


def test_a_broken_expression_is_told_as_it_was_written() -> None:
    pipeline = gp.Pipeline("p", kept=gp.Expect(paid=nw.col("fare") > 4)(gp.FromFrame(ROWS).node()).kept)
    with pytest.raises(StageError, match=r"paid: 6 of 9 rows break col\(fare\) > 4\.") as told:
        pipeline.run("cpu")
    assert "__gt__" not in str(told.value)
