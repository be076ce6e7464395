"""What a run leaves, searched for secrets: thirty spellings and more go through stages, errors, prints, logs and parameters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = "zq7k{}w"  # what is searched for; each spelling has its own

SPELLINGS = [
    "postgresql://u:{}@h/db",
    "postgresql://u:p@{}@h/db",
    "ftp://u:{}@",
    "ftp://u:{}@h/x",
    "https://{}@github.com/x",
    "redis://:{}@h:6379/0",
    "mysql://u:it's-{}@h/db",
    "postgres://u:a/{}@h/db",
    "sftp://u:100%25{}@h",
    "jdbc:oracle:thin:scott/{}@//h:1521/x",
    "https://h/x?sig={}&se=1",
    "https://h/x?sv=1&sig=a%2F{}%3D",
    "s3://b/k?X-Amz-Signature={}",
    "https://h/?access_token={}#x",
    "?password={}",
    "PASSWORD={}",
    "PGPASSWORD='a {}'",
    'password = "a \\"{}"',
    "{{'password': 'a {}', 'n': 1}}",
    '{{"db_password": "{}"}}',
    "host=h password='it''s {}' user=u",
    "AccountKey=a{}==;EndpointSuffix=core",
    "Server=h;Pwd={{a;{}}};Uid=u",
    "SharedAccessSignature={}",
    "Authorization: Bearer abc.{}",
    "Authorization: Basic dXNl{}==",
    "--token={}",
    "api_key={}",
    "aws_secret_access_key = {}",
    "client_secret={}",
    "passwd={},next",
    "password: {}",
    "ghp_0123456789abcdef{}",
    "x-amz-security-token={}",
]
FLOW = '''
from __future__ import annotations
import html, json, logging, sys, urllib.parse, warnings
from pathlib import Path
import narwhals.stable.v2 as nw
import polars as pl
import gpupipe as gp

SPELLINGS = json.loads(Path(__file__).with_name("spellings.json").read_text())

def pipeline(password: str, hidden: gp.Secret, url: str, mode: str = "ok", api_token: str = "zq7kDEFAULTw", more: gp.Secret | None = None):
    """Told."""
    assert hidden == "a \\"quoted\\" zq7kHIDDENw & <more>" and f"{hidden}" == hidden, "it comes as it was given"
    inner = url.partition("u:")[2].rpartition("@")[0]
    forms = [password, hidden, inner, repr(password), json.dumps(password), urllib.parse.quote(password), api_token]
    forms.append(html.escape(hidden + ""))
    for text in [*SPELLINGS, *forms]:
        print("printed", text)
        print("printed", text, file=sys.stderr)
        logging.getLogger("flow").warning("logged %s", text)
    if mode != "quiet":
        warnings.warn("warned " + " | ".join([*SPELLINGS, *forms]))
    table = gp.FromFrame(pl.DataFrame({"x": [1.0, 2.0]})).node()
    for text in [*SPELLINGS, *forms]:
        table = gp.WithColumns(x=nw.col("x") + 1)(table).named(f"stage {text}")

    @gp.rows
    def failing(frame):
        if mode == "fails" and hasattr(frame.to_native(), "to_numpy"):  # rows of pandas, and not the plan's
            raise ArithmeticError("failed with " + " | ".join([*SPELLINGS, *forms]))
        return frame

    scaler = gp.Standardize("x").fit(table).named(f"fitted {password}")
    total = gp.Scalar(nw.col("x").sum())(failing(scaler(table))).named(f"total {inner}")
    return gp.Pipeline(f"flow {password}", total=total, scaler=scaler)
'''
GIVEN = [
    "password=it's zq7kNAMEDw; with & more, \\ and @",
    'hidden=a "quoted" zq7kHIDDENw & <more>',
    "url=postgresql://u:one zq7kSPACEDw/two@h:5432/db?sslpassword=zq7kQUERYw",
    "more=zq7kMOREw",
]


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    texts = [text.format(CORE.format(f"{number:02}")) for number, text in enumerate(SPELLINGS)]
    assert len(texts) >= 30
    (tmp_path / "spellings.json").write_text(json.dumps(texts))
    (tmp_path / "flow.py").write_text(FLOW)
    return tmp_path


def words(*more: str) -> list[str]:
    return [*more, *(word for given in GIVEN for word in ("-p", given))]


def run(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, "-m", "gpupipe", *words(*more)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def leaks(*texts: str) -> list[str]:
    """Return where a secret stands, with what is around it."""
    found = []
    for text in texts:
        joined = text.replace("\n", "")
        at = joined.find("zq7k")
        while at >= 0:
            found.append(joined[max(0, at - 60) : at + 30])
            at = joined.find("zq7k", at + 1)
    return found


def left_in(folder: Path) -> list[str]:
    """Return the names and contents of all that a run left."""
    paths = [path for path in folder.rglob("*") if path.name not in ("flow.py", "spellings.json") and path.suffix != ".pyc"]
    return [str(path.relative_to(folder)) for path in paths] + [path.read_bytes().decode("latin-1") for path in paths if path.is_file()]


def test_nothing_that_a_run_leaves_has_a_secret(flow: Path) -> None:
    done = run(flow, "run", "flow.py", "--engine", "pandas", "--report", "rep", "--checkpoints", "kept", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads((flow / "rep" / "report.json").read_text())
    assert report["parameters"] | {"url": "", "mode": ""} == dict.fromkeys(("password", "hidden", "api_token", "more"), "***") | {
        "url": "",
        "mode": "",
    }
    assert report["parameters"]["url"].startswith("postgresql://u:***@h:5432/db?sslpassword=***")
    assert json.loads(done.stdout)["status"] == "ok"
    assert done.stderr.count("printed") >= 60 and "logged" in done.stderr and "warned" in done.stderr
    assert not leaks(done.stdout, done.stderr, *left_in(flow))


@pytest.mark.parametrize("more", [(), ("--traceback",)])
def test_nothing_that_a_failed_run_leaves_has_a_secret(flow: Path, more: tuple[str, ...]) -> None:
    done = run(
        flow, "run", "flow.py", "-p", "mode=fails", "--engine", "pandas", "--report", "rep", "--checkpoints", "kept", "--json", *more
    )
    assert done.returncode == 1, done.stderr
    assert "failed with" in (flow / "rep" / "report.html").read_text()
    assert "failed with" in done.stdout
    assert "resume: gpupipe run" in done.stderr
    assert "password=***" in done.stderr.partition("resume: ")[2]
    assert not leaks(done.stdout, done.stderr, *left_in(flow))


def test_no_other_command_tells_a_secret(gpupipe: Callable[..., Any], flow: Path, tmp_path: Path) -> None:
    (flow / "kept").mkdir()
    told = [
        gpupipe(*words(*more), "flow.py", "-p", "mode=quiet")
        for more in (["check"], ["plan"], ["plan", "--json"], ["plan", "--html", "p.html", "--svg", "p.svg"])
    ]
    assert [one.code for one in told] == [0, 0, 0, 0], told[0].err
    told += [gpupipe("run", "flow.py", "--help"), gpupipe("run", "flow.py", "-p", "hidden=zq7kONEw", "-p", "password")]
    assert "[default: ***]" in told[4].out.replace("\n", " ") or "***" in told[4].out
    told.append(gpupipe("cache", "list", "--checkpoints", "ftp://u:zq7kCACHEw@localhost:1/x"))
    printed = [
        text
        for one in told
        for text in (one.out, "\n".join(line for line in one.err.splitlines() if not line.startswith(("printed", "logged"))))
    ]
    assert not leaks(*printed, *left_in(flow))
