"""A run's own folder goes with the run, or with the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gpupipe.engines._scratch import Scratch


def test_closing_removes_it_and_another_is_made_when_asked_for() -> None:
    scratch = Scratch()
    first = Path(scratch.path)
    (first / "file").write_text("rows")
    assert scratch.path == str(first)
    scratch.close()
    scratch.close()
    assert not first.exists()
    second = Path(scratch.path)
    assert second.exists() and second != first
    scratch.close()


def test_it_goes_with_a_process_that_does_not_close_it() -> None:
    program = "from gpupipe.engines._scratch import Scratch; s = Scratch(); open(f'{s.path}/file', 'w').close(); print(s.path)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() and not Path(done.stdout.strip()).exists()
