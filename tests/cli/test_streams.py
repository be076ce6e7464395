from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpupipe.cli.streams import stdout_to_stderr

Command = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.parametrize("command", ["check", "plan", "run"])
def test_a_terminal_is_told_what_is_loaded_before_a_library_is(command: str, tmp_path: Path) -> None:
    """So that something is said at once, however long the libraries of a pipeline take."""
    (tmp_path / "flow.py").write_text("import os\nos._exit(3 if 'narwhals' in __import__('sys').modules else 4)\n")
    program = (
        "import sys\nHEAVY = ('polars', 'narwhals', 'pyarrow', 'numpy', 'pandas')\n"
        "sys.addaudithook(lambda event, given: event == 'import' and given[0] in HEAVY and print('!', end='', file=sys.stderr))\n"
        "from gpupipe.cli import main\nmain()"
    )
    reading, terminal = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    words = [sys.executable, "-c", program, command, str(tmp_path / "flow.py")]
    done = subprocess.run(words, env=environment, stderr=terminal, stdout=subprocess.PIPE, timeout=300, check=False)
    os.close(terminal)
    told = os.read(reading, 10_000).decode()
    os.close(reading)
    assert done.returncode == 3 and done.stdout == b""
    assert told.startswith(f"loading {tmp_path / 'flow.py'}!"), told
