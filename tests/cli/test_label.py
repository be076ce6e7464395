import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from gpupipe.active.store import LabelStore
from gpupipe.cli import app


def test_serves_until_ctrl_c(tmp_path: Path) -> None:
    store = LabelStore.create(tmp_path / "labels", ["cat", "dog"])
    store.ask({"example_id": ["a", "b"]}, round=0)
    command = [sys.executable, "-m", "gpupipe", "label", store.place, "--no-open", "--port", "0", "--annotator", "ann"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert started.stdout is not None
    first = started.stdout.readline()
    found = re.search(r"2 questions wait in .*labels\. The page: http://127\.0\.0\.1:(\d+)/#([\w-]{30,})", first)
    assert found is not None, first
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=300)
    connection.request("GET", "/api/facts", headers={"Authorization": f"Bearer {found[2]}"})
    assert b'"annotator": "ann"' in connection.getresponse().read()
    connection.close()
    started.send_signal(signal.SIGINT)
    assert "0 questions fewer wait for ann." in started.communicate(timeout=300)[0]
    assert started.returncode == 0


def test_elsewhere_is_warned_of(tmp_path: Path) -> None:
    store = LabelStore.create(tmp_path / "labels", ["cat", "dog"])
    command = [sys.executable, "-m", "gpupipe", "label", store.place, "--no-open", "--port", "0", "--host", "0.0.0.0", "--no-token"]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert started.stderr is not None
    assert started.stderr.readline() == "Whoever reaches this machine sees the examples and can answer; the connection is not encrypted.\n"
    started.send_signal(signal.SIGINT)
    started.communicate(timeout=300)


def test_what_is_no_store(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["label", str(tmp_path), "--no-open"])
    assert done.exit_code == 2
    assert "Expected a label store" in done.output
