"""Mutated artefacts, entries of stores and reports run no code, touch nothing outside, and end in one of gpupipe's errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARES = {"artefacts": 5, "entries": 2, "reports": 3}  # of ten mutations
FEW = {"artefacts": 250, "entries": 60, "reports": 200}
SEED = int(os.environ.get("GPUPIPE_FUZZ_SEED", "0"))
COUNT = int(os.environ.get("GPUPIPE_FUZZ_COUNT", "10000"))


def attacked(folder: Path, kind: str, first: int, count: int) -> list[dict[str, Any]]:
    """Return what was found with so many mutations from the first seed on; a process that dies is a finding, and another one goes on."""
    findings: list[dict[str, Any]] = []
    until = first + count
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
    while first < until:
        command = [
            sys.executable,
            str(Path(__file__).with_name("attacker.py")),
            str(folder / f"from-{first}"),
            kind,
            str(first),
            str(until - first),
        ]
        done = subprocess.run(command, capture_output=True, env=environment, text=True, check=False)
        told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        findings += [one for one in told if "finding" in one]
        if told and "done" in told[-1]:
            assert told[-1]["outcomes"].get("refused", 0) > 0, "no mutation was refused: the attack is none"
            return findings
        seeds = [one["seed"] for one in told if "seed" in one]
        assert seeds, done.stderr
        findings.append({"finding": seeds[-1], "outcome": f"the process died with {done.returncode}", "seen": done.stderr[-1500:]})
        first = seeds[-1] + 1
    return findings


@pytest.mark.parametrize("kind", SHARES)
def test_a_few_hundred_mutations(kind: str, tmp_path: Path) -> None:
    findings = attacked(tmp_path, kind, 0, FEW[kind])
    assert not findings, json.dumps(findings[:5], indent=1)


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", SHARES)
def test_thousands_of_mutations(kind: str, tmp_path: Path) -> None:
    findings = attacked(tmp_path, kind, SEED + 1_000_000, COUNT * SHARES[kind] // 10)
    assert not findings, json.dumps(findings[:5], indent=1)


def test_the_hook_sees_what_must_not_be(tmp_path: Path) -> None:
    """Hold the oracle to the attacks that it is there for."""
    code = f"""
import sys; sys.path.insert(0, {str(ROOT / "tests" / "fuzz")!r})
from pathlib import Path
from attacker import Watch
here, outside = Path({str(tmp_path / "here")!r}), Path({str(tmp_path / "outside")!r})
here.mkdir(); outside.mkdir(); (outside / "more.py").write_text("")
watch = Watch(here)
import os, pickle, subprocess
with watch.watching():
    (here / "fine").write_text("x"); (here / "fine").unlink()
    assert not watch.seen, watch.seen
    os.system("true")
    (outside / "x").write_text("x")
    (outside / "x").unlink()
    open("/etc/hostname").close()
    exec("1")
    sys.path.insert(0, str(outside)); import more
    pickle.loads(pickle.dumps(os.getpid))
print(sorted(set(one.split()[0] for one in watch.seen)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for event in ("os.system", "open", "os.remove", "exec", "import", "pickle.find_class"):
        assert repr(event) in done.stdout
