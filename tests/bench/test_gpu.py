"""The benchmark of two engines, tried on `cpu` and `pandas`: every question, the file of results, and what happens when something fails."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bench.gpu import Asking, Results, is_done, main, run_part
from bench.measured import runs
from bench.pair import Limits, Process, ask, compared, lacks_memory, lines_of, prepared
from bench.question import Question, differences
from bench.questions import Sizes, all_questions, asked_questions, question_of

SMALL = Sizes(rows=3000, table_rows=20_000, model_scale=0.0)
ARGUMENTS = ["--rows", "3000", "--table-rows", "20000", "--model-scale", "0"]
NAMES = [one.name for one in all_questions(SMALL)]
Q5 = "group-by q5: sum v1:v3 by id6"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def answers(question: Question, engine: str, data: Path, out: Path) -> dict[str, Any]:
    (figures,) = runs(question, engine, question.prepare(data), out, 1)
    assert figures["seconds"] > 0 and figures["memory"]["peak_bytes"] > 0
    answers: dict[str, Any] = figures["answers"]
    return answers


def test_there_are_two_mortgage_fifteen_table_and_nine_model_questions_in_this_order() -> None:
    assert NAMES[:2] == ["mortgage-etl", "mortgage-whole"]
    assert [name.partition(":")[0] for name in NAMES[2:17]] == [
        *(f"group-by q{number}" for number in range(1, 11)),
        *(f"join q{number}" for number in range(1, 6)),
    ]
    assert all(name.startswith("model: ") for name in NAMES[17:]) and len(NAMES) == 26
    assert [question_of(name, SMALL).name for name in NAMES] == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("mortgage")])
def test_engines_agree(name: str, data: Path, tmp_path: Path) -> None:
    question = question_of(name, SMALL)
    one, other = (answers(question, engine, data, tmp_path) for engine in ("cpu", "pandas"))
    assert one and differences(one, other, question) == []


def test_answers_are_those_of_a_query_written_by_hand(data: Path, tmp_path: Path) -> None:
    found = {name.partition(":")[0]: answers(question_of(name, SMALL), "cpu", data, tmp_path) for name in NAMES[2:17]}
    table = pl.scan_parquet(question_of(Q5, SMALL).prepare(data))
    two = table.group_by("id6").agg(pl.col("v3").top_k(2)).explode("v3").collect()
    assert (found["group-by q8"]["answer.n_rows"], found["group-by q8"]["answer.v3"]) == (two.height, pytest.approx(two["v3"].sum()))
    keys = (
        table.group_by("id2", "id4").agg(r=pl.corr("v1", "v2") ** 2).filter(pl.col("r").is_not_nan(), pl.col("r").is_not_null()).collect()
    )
    assert found["group-by q9"]["answer.n_rows"] == keys.height
    assert found["group-by q9"]["answer.r2"] == pytest.approx(keys["r"].sum())
    assert found["join q5"]["answer.n_rows"] == 18_000 and found["join q3"]["answer.n_rows"] == 20_000


def test_a_call_asks_and_a_second_one_only_what_is_missing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results.json"
    call = [*ARGUMENTS, "--engines", "cpu,pandas", "--data", str(tmp_path / "data"), "--out", str(out), "--questions"]
    assert main([*call, "group-by q5"]) == 0
    written = json.loads(out.read_text())
    found = written["questions"][Q5]
    assert written["machine"]["cpus"] and found["rows"] == 20_000 and found["agree"] is True and found["times_as_fast"] > 0
    for entry in found["engines"].values():
        assert entry["status"] == "ok" and len(entry["later_seconds"]) == 1
        assert entry["best_seconds"] == min(entry["first_seconds"], *entry["later_seconds"])
        assert entry["crossings"]["between_ends_bytes"] >= 0 and entry["fallbacks"] == []
    assert capfd.readouterr().out.splitlines()[1].startswith(Q5)
    assert main([*call, "group-by q5", "mortgage-etl", "--minutes", "0"]) == 1
    again = json.loads(out.read_text())["questions"]
    assert again[Q5] == found
    assert again["mortgage-etl"] == {"rows": 3000, "status": "not reached", "why": "there was no time left"}
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["group-by-20000"]


def test_an_engine_that_takes_too_long_is_ended_and_the_next_is_not_asked(data: Path) -> None:
    question = question_of(Q5, SMALL)
    question.prepare(data)
    found = ask(question, ["cpu", "pandas"], data, ["--data", str(data), *ARGUMENTS], Limits(0.01, time.monotonic() + 60))
    assert found["engines"]["cpu"]["status"] == "out of time"
    assert found["engines"]["pandas"] == {"status": "not asked", "why": "there is nothing to compare with: cpu out of time"}
    assert (found["times_as_fast"], found["agree"]) == (None, None)


def test_what_goes_wrong_is_told(data: Path) -> None:
    question = question_of("join q1: small inner on int", Sizes(table_rows=-1))
    why = prepared(question, ["--data", str(data), "--table-rows", "-1"], Limits(60, time.monotonic() + 60))
    assert isinstance(why, str) and "Error" in why
    process = Process(question_of(Q5, SMALL), "cpu", ["--no-such-option"])
    assert process.answer(60) is None
    assert process.ended() == 2 and "--no-such-option" in process.told()
    process.close()


def test_short_memory_asks_on_half_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answered(self: Asking, question: Question) -> dict[str, Any]:
        status = (
            {"status": "failed", "why": "MemoryError: std::bad_alloc: out_of_memory"} if question.rows > 1_000_000 else {"status": "ok"}
        )
        return {"rows": question.rows, "engines": {"cpu": status, "pandas": {"status": "ok"}}}

    monkeypatch.setattr(Asking, "_answered", answered)
    options = argparse.Namespace(engines=["cpu", "pandas"], limit=60)
    results = Results(tmp_path / "r.json")
    (question,) = asked_questions(Sizes(rows=4_000_000), ["mortgage-etl"])
    Asking(options, Limits(60, time.monotonic() + 60), results).put(question)
    found = json.loads((tmp_path / "r.json").read_text())["questions"]["mortgage-etl"]
    assert (found["rows"], found["asked_rows"]) == (1_000_000, 4_000_000)
    assert found["note"].startswith("of 4,000,000 rows: MemoryError")
    assert is_done(found, question, options)


def test_memory_errors_are_known_by_their_words() -> None:
    for why in ("MemoryError: x", "StageError: std::bad_alloc: out_of_memory: CUDA error", "exit code -9"):
        assert lacks_memory({"status": "failed", "why": why})
    assert not lacks_memory({"status": "failed", "why": "StageError: no column"})
    assert not lacks_memory({"status": "ok"})


def test_engines_that_differ_are_told_of() -> None:
    question = question_of(Q5, SMALL)
    one = {"status": "ok", "best_seconds": 1.0, "answers": {"n": 3, "x": 1.0}}
    made = compared({"a": one, "b": one | {"best_seconds": 4.0, "answers": {"n": 3, "x": 1.1}}}, ["a", "b"], question)
    assert made == {"times_as_fast": 4.0, "agree": False, "differences": ["x: 1.0, 1.1"]}
    line = list(lines_of({"q": {"rows": 5, "engines": {"a": one, "b": one}} | made}, ["a", "b"]))[1]
    assert line.split() == ["q", "5", "1.000", "1.000", "4.00x", "-", "NO"]


def test_an_engine_out_of_time_tells_a_least_ratio() -> None:
    engines = {"a": {"status": "ok", "best_seconds": 2.0, "answers": {}}, "b": {"status": "out of time", "limit_seconds": 60}}
    made = compared(engines, ["a", "b"], question_of(Q5, SMALL))
    assert made == {"times_as_fast": None, "agree": None, "times_as_fast_at_least": 30.0}
    line = list(lines_of({"q": {"rows": 5, "engines": engines} | made}, ["a", "b"]))[1]
    assert line.split() == ["q", "5", "2.000", "out", "of", "time", ">30.00x", "-", "-"]


def test_a_part_of_the_tests_ends_well_or_is_told_of() -> None:
    assert run_part([sys.executable, "-c", "print(1); print('3 passed')"], 60)["summary"] == "3 passed"
    failed = run_part([sys.executable, "-c", "print('1 failed'); raise SystemExit(1)"], 60)
    assert (failed["status"], failed["summary"], failed["told"]) == ("failed", "1 failed", "1 failed\n")
    assert run_part([sys.executable, "-c", "import time; time.sleep(60)"], 0.1)["status"] == "out of time"


def test_a_question_that_is_not_there_names_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--questions", "group-bye"])
    told = capsys.readouterr().err
    assert "expected questions by the beginning of their names, got 'group-bye'" in told and Q5 in told


def test_without_a_gpu_it_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.gpu.why_not", lambda: "there is no driver")
    assert main(["--out", str(tmp_path / "r.json")]) == 3
    assert capsys.readouterr().err == "There is no GPU to run on: there is no driver\n"
    assert not (tmp_path / "r.json").exists()
