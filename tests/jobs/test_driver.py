"""The driver of a job: its words come through the leash, and are seen by nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOW = """
import sys
from pathlib import Path
import polars as pl
import gpupipe as gp

def pipeline(password: gp.Secret, plain: str):
    seen = [Path(f"/proc/{process}/{what}").read_bytes().replace(b"\\0", b" ") for process in ("self",) for what in ("cmdline", "environ")]
    Path("seen").write_bytes(b"\\n".join(seen))
    Path("came").write_text(f"{password}|{plain}|{sys.argv[0]}|{sys.stdin.read()}")
    return gp.Pipeline("p", rows=gp.FromFrame(pl.DataFrame({"x": [1]})).node())
"""


def driver(folder: Path, given: bytes) -> subprocess.CompletedProcess[bytes]:
    (folder / "flow.py").write_text(FLOW)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gpupipe.jobs.driver"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdin.write(given)
    process.stdin.flush()
    if not given.endswith(b"\n"):
        process.stdin.close()  # the leash breaks before the words are whole
    out, told = process.stdout.read(), process.stderr.read()
    code = process.wait()
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()
    return subprocess.CompletedProcess([], code, out, told)


def test_words_come_through_the_leash_and_are_not_seen(tmp_path: Path) -> None:
    words = ["check", "flow.py", "-p", "password=zq7k 'one'\nä", "-p", "plain=two"]
    done = driver(tmp_path, json.dumps(words).encode() + b"\n")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "came").read_text() == "zq7k 'one'\nä|two|gpupipe|"
    seen = (tmp_path / "seen").read_bytes()
    assert b"gpupipe.jobs.driver" in seen
    assert b"zq7k" not in seen and b"two" not in seen


def test_a_leash_that_breaks_before_the_words_ends_the_driver(tmp_path: Path) -> None:
    done = driver(tmp_path, b'["check"')
    assert done.returncode == 1
    assert b"the worker was gone before it had said what to run" in done.stderr
