from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from gpupipe.cli.streams import stdout_to_stderr

Command = Callable[..., Any]


def test_what_is_printed_inside_goes_to_stderr_by_any_way(capfd: pytest.CaptureFixture[str]) -> None:
    with stdout_to_stderr():
        print("from Python")
        os.write(1, b"from below\n")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    print("after")
    out, err = capfd.readouterr()
    assert out == "after\n"
    assert sorted(err.splitlines()) == ["from Python", "from a child", "from below"]


def test_stdout_is_given_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), stdout_to_stderr():
        raise ValueError("no")
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "after\n"
