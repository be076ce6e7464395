from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_check_tells_what_is_sound(in_process: Command, flow: Path) -> None:
    ended = in_process("check", "flow.py", "-p", "rows=3")
    assert (ended.code, ended.out) == (0, "ok: scaled (1 source, 4 stages, 3 outputs)\n")


def test_check_ends_with_2_where_the_plan_is_wrong(in_process: Command, flow: Path) -> None:
    ended = in_process("check", "flow.py:wrong_column")
    assert (ended.code, ended.out) == (2, "")
    assert "Did you mean 'x'?" in ended.err
    assert in_process("check", "flow.py:missing_input").code == 1


def test_check_of_an_unknown_engine_names_all_there_are(in_process: Command, flow: Path) -> None:
    ended = in_process("check", "flow.py", "-p", "rows=3", "--engine", "alll")
    assert ended.code == 2
    assert "There is no engine 'alll'. Did you mean 'all'? The engines are 'all', 'cpu', 'pandas'" in " ".join(ended.err.split())
