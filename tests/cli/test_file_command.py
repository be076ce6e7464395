from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_help_of_a_file_lists_its_parameters(in_process: Command, flow: Path) -> None:
    ended = in_process("run", "flow.py", "--help")
    assert ended.code == 0, ended.err
    for told in (
        "--engine",
        "Parameters of flow.py",
        "How many rows are made. [default: 100]",
        "'mean' or 'max'",
        "path or none",
        "Scale x.",
    ):
        assert told in ended.out
    assert "More take longer" not in ended.out
    required = in_process("run", "flow.py:required", "--help")
    assert "[required]" in required.out
    assert "Example: gpupipe run flow.py:required -p data=..." in required.out
