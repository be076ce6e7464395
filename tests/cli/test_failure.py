from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
KEYS = {"pipeline", "engine", "status", "seconds", "outputs", "stages", "crossings", "report"}


@pytest.mark.parametrize(
    ("call", "code", "told"),
    [
        (["flow.py:wrong_column"], 2, "ColumnError: There is no column 'xx'. Did you mean 'x'?"),
        (["flow.py:wrong_column"], 2, "In stage Select, wired at flow.py:"),
        (["flow.py:fails"], 1, "on engine 'cpu', wired at flow.py:"),
        (["flow.py:missing_input"], 1, "SourceError: "),
        (["flow.py:required"], 2, "needs a value for 'data' (text). Add: -p data=..."),
        (
            ["flow.py", "-p", "row=3"],
            2,
            "There is no parameter 'row'. Did you mean 'rows'? The parameters are 'rows', 'factor', 'method', 'out'.",
        ),
        (["flow.py", "-p", "rows=many"], 2, "Parameter 'rows' expects a whole number, got 'many'."),
        (["flow.py", "-p", "method=median"], 2, "Parameter 'method' expects 'mean' or 'max', got 'median'."),
        (["flow.py", "--engine", "cpuu"], 2, "There is no engine 'cpuu'. Did you mean 'cpu'?"),
        (["flow.py", "--engine", "pandas", "--cluster", "local"], 2, "Engine 'pandas' runs in one process and takes no cluster"),
        (["flow.py", "--report", "flow.py"], 1, "SinkError: Expected a folder that can be written to, got 'flow.py'"),
        (["floww.py"], 2, "There is no file 'floww.py'. Did you mean 'flow.py'?"),
        (["flow.py:raises"], 2, "raises() in flow.py raised ZeroDivisionError: division by zero\n  At flow.py:"),
    ],
)
def test_failures_are_one_block_on_stderr_and_one_object_on_stdout(
    in_process: Command, flow: Path, call: list[str], code: int, told: str
) -> None:
    ended = in_process("run", *call, "--json", "--quiet")
    assert ended.code == code, ended.err
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert set(ended.json) == KEYS | {"error"}
    assert ended.json["status"] == "failed"
    assert ended.json["error"]["exit_code"] == code
    assert " ".join(ended.json["error"]["message"].split()) in " ".join(ended.err.split())  # a terminal has no tabs


def test_traceback_is_shown_when_asked_for(in_process: Command, flow: Path) -> None:
    ended = in_process("run", "flow.py:raises", "--traceback")
    assert ended.code == 2
    assert "Traceback (most recent call last)" in ended.err
    assert "ZeroDivisionError" in ended.err
