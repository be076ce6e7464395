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


def test_an_option_that_is_a_parameter_of_the_pipeline_is_told_so(in_process: Command, flow: Path) -> None:
    for word, meant in (("--factr", "factor"), ("--methd=max", "method")):
        ended = in_process("run", "flow.py", word)
        assert ended.code == 2 and ended.out == ""
        told = " ".join(ended.err.replace("│", " ").split())
        hint = f"A parameter of the pipeline is set with -p: did you mean -p {meant}=VALUE?"
        assert f"No such option: {word.partition('=')[0]}. {hint}" in told
    for words in (["run", "flow.py", "--nothing-like-it"], ["run", "nowhere.py", "--factr"], ["run", "--factr"]):
        assert "-p" not in in_process(*words).err
    assert "(Possible options: --engine)" in in_process("run", "flow.py", "--engin", "cpu").err
