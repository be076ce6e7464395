"""The programs that are measured side by side find the same, and one that does not is told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from bench import checks, feature_pipeline
from bench.db_benchmark import asked as asked_of_tables
from bench.db_questions import table_questions
from bench.side_by_side import compared, same_rows, summed, table
from bench.tpch import asked as asked_of_tpch
from bench.workload import BenchmarkError

QUESTIONS = table_questions(4000)


def test_answers_that_differ_are_an_error() -> None:
    programs = {"polars": lambda: pl.DataFrame({"a": [2, 1]}), "other": lambda: {"a": 1}}
    with pytest.raises(BenchmarkError, match=r"^q: other found 1 rows \[\(1,\)\], polars found 2 rows"):
        compared("q", programs, 1)
    assert same_rows([(Decimal("1.50"), None)], [(1.5, None)])
    assert not same_rows([(1.5, None)], [(1.5, 0.0)])
    assert not same_rows([(1.5,)], [(1.5001,)])


def test_what_is_told() -> None:
    programs = {"gpupipe": lambda: {"a": 1}, "polars": lambda: {"a": 1.0}}
    made = [compared("q1", programs, 3), compared("q2", programs, 2)]
    assert [len(one["programs"]["gpupipe"]["rounds"]) for one in made] == [3, 2]
    assert summed(made)["polars"]["cpu_ratio"] == 1.0
    lines = table([made[0] | {"plan ms": 1.5}], "plan ms").splitlines()
    assert lines[0] == "| question | gpupipe cpu s | polars cpu s | gpupipe / polars | plan ms |"
    assert lines[2].startswith("| q1 | ") and lines[2].endswith(" | 1.5 |") and lines[3].startswith("| **sum** |")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name.partition(":")[0])
def test_questions_of_tables(question: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.getbasetemp() / "tables"
    data.mkdir(exist_ok=True)
    assert asked_of_tables(question, data, 1)["rows"] == 1


def test_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["x", "--rows", "20000", "--rounds", "1", "--data", str(tmp_path)])
    feature_pipeline.main()
    assert "| features, split by row |" in capsys.readouterr().out


def test_checks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["x", "--stages", "30", "--rounds", "1"])
    monkeypatch.setattr(checks, "NUMBERS", checks.NUMBERS[:20])
    monkeypatch.setattr(checks, "TEXTS", checks.TEXTS[:3])
    checks.main()
    assert "| 30 stages |" in capsys.readouterr().out


@pytest.fixture(scope="module")
def tpch(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tables of TPC-H as `bench/tpch_data.py` makes it, with money as floats."""
    given, made = shared_data / "tpch_sf0.01", tmp_path_factory.mktemp("tpch")
    (made / "queries").symlink_to(given / "answers")
    (made / "float").mkdir()
    for path in given.glob("*.parquet"):
        pq.write_table(pl.read_parquet(path).with_columns(pl.selectors.decimal().cast(pl.Float64)).to_arrow(), made / "float" / path.name)
    return made


@pytest.mark.parametrize("number", range(22))
def test_queries(number: int, tpch: Path) -> None:
    assert asked_of_tpch(number, tpch, "float", 1)["plan ms"] > 0
