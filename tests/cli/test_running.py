from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


def test_a_failed_run_leaves_its_report_and_the_old_output(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    ended = gpupipe("run", "flow.py:fails", "--report", "out")
    assert ended.code == 1
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["status"] == "failed"
    assert report["error"]["type"] == "StageError"
    assert "report: out/report.html" in ended.err


def test_an_interrupted_run_says_so_in_one_line(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    ended = gpupipe("run", "flow.py:interrupted", "--engine", "pandas", "--json", "--quiet", "--report", "out")
    assert ended.code == 130
    assert ended.err == "interrupted; outputs left as they were\n"
    assert ended.json["status"] == "interrupted"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["status"] == "interrupted"


ODD = '''
import narwhals.stable.v2 as nw, polars as pl, gpupipe as gp
EVIL = "\\x1b]0;owned\\x07\\x9b2J\\u202etxtexe\\u2066"
def pipeline(out: str = EVIL):
    """Do {EVIL}.

    Parameters
    ----------
    out
        To.
    """
    rows = gp.FromFrame(pl.DataFrame({EVIL: [1, 2], "t": [EVIL, EVIL]})).node()
    rows = rows >> gp.WithColumns(y=nw.col(EVIL) * 2)
    return gp.Pipeline(EVIL, {EVIL: gp.WriteParquet(out + ".parquet")(rows), "rows": rows, "word": gp.Scalar(nw.col("t").max())(rows)})
def wrong():
    return gp.Pipeline("wrong", out=gp.Select(EVIL + "x")(gp.FromFrame(pl.DataFrame({EVIL: [1]})).node()))
def raising():
    raise ValueError(EVIL)
'''


def test_nothing_that_a_name_or_a_value_holds_commands_the_terminal_or_turns_the_page(gpupipe: Command, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(ODD.replace("{EVIL}.", "\x1b[1m\u202e."))
    calls = [["run", "odd.py", "--report", "out"], ["run", "odd.py", "--json", "--quiet"], ["run", "odd.py", "--help"], ["check", "odd.py"]]
    calls += [["plan", "odd.py"], ["plan", "odd.py", "--html", "plan.html", "--svg", "plan.svg"], ["check", "odd.py:wrong"]]
    calls += [["run", "odd.py:raising"], ["check", "odd.py:wrong", "--traceback"], ["run", "odd.py:\x1b[2J"]]
    told = {" ".join(call): gpupipe(*call) for call in calls}
    texts = {name: ended.out + ended.err for name, ended in told.items()}
    texts |= {str(path): path.read_text() for path in (*tmp_path.glob("out/*.*"), *tmp_path.glob("plan.*"))}
    assert len(texts) == len(calls) + 4
    for name, text in texts.items():
        assert not set("\x1b\x07\x9b\u202e\u2066") & set(text), (name, text)
        assert "1b" in text or text.startswith("wrote "), name
    assert json.loads((tmp_path / "out" / "report.json").read_text())["pipeline"].startswith("\x1b]0;owned\x07\x9b2J\u202etxt")


WIDE = """
import datetime as dt, polars as pl, narwhals.stable.v2 as nw, gpupipe as gp
def pipeline():
    rows = gp.FromFrame(pl.DataFrame({"k": [10**9 + i for i in range(9)], "x": [None, 0.1, 1e300] * 3, "s": ["a\\x1b[1m"] * 9,
        "day": [dt.date(2024, 2, 29)] * 9, **{f"column_{i}": range(9) for i in range(40)}})).node()
    parts = dict(zip(("train", "test"), gp.Split((0.5, 0.5), seed=1)(rows)))
    return gp.Pipeline("wide", parts=parts, none=gp.Filter(nw.col("k") < 0)(rows), kept=gp.ToMemory()(rows), n=gp.Scalar(nw.len())(rows))
"""


@pytest.mark.parametrize("engine", ["cpu", "pandas", "dask"])
def test_tables_without_a_sink_print_their_first_rows(engine: str, gpupipe: Command, tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(WIDE)
    ended = gpupipe("run", "wide.py", "--engine", engine, PYTHONWARNINGS="")
    assert ended.code == 0 and ended.out == ""
    lines = [line.rstrip() for line in ended.err.splitlines()]
    for name, told in (("parts.train", "first"), ("parts.test", "first"), ("none", "no rows"), ("kept", "first 5 rows")):
        at = next(number for number, line in enumerate(lines) if line.startswith(f"{name}  {told}"))
        head = lines[at + 1].split()
        assert head[:5] == ["k", "x", "s", "day", "column_0"] and head[-3:-2] == ["and"] and head[-1] == "more"
    rows = [lines[at + 2 + number].split() for number in range(5)]
    assert [row[0] for row in rows] == [str(10**9 + number) for number in range(5)]
    assert [row[1] for row in rows] == ["null", "0.1", "1e+300", "null", "0.1"] and rows[0][2:4] == ["a\\x1b[1m", "2024-02-29"]
    assert all(len(line) <= 100 for line in lines[at : at + 7])
    if engine == "cpu":  # what is told does not depend on who ran it
        assert "first" not in gpupipe("run", "wide.py", "--quiet").err
