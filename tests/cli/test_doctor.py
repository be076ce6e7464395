from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpupipe.cli.findings import examine
from gpupipe.engines._cuda import why_not

Command = Callable[..., Any]


def test_the_default_engine_is_tried_and_others_are_looked_for(gpupipe: Command) -> None:
    """So that it answers in two seconds: a cluster alone takes longer to start."""
    ended = gpupipe("doctor", "--json", PYTHONWARNINGS="")
    assert ended.code == 0, ended.err
    engines = {one["name"]: one for one in ended.json["engines"]}
    assert engines["cpu"] == {"name": "cpu", "usable": True, "why": "runs; the default"}
    assert engines["pandas"]["why"] == engines["dask"]["why"] == "installed"
    if why_not() is not None:
        assert engines["gpu"] == {"name": "gpu", "usable": False, "why": why_not()}
        assert engines["dask-cuda"] == {"name": "dask-cuda", "usable": False, "why": why_not(on_cluster=True)}
        told = " ".join(problem["what"] for problem in ended.json["problems"])
        assert "'gpu'" not in told and "'dask-cuda'" not in told, "nobody misses them where there is no device"
    assert ended.json["machine"]["cpus"] >= 1
    assert ended.json["machine"]["temp_free_bytes"] > 0


def test_every_engine_is_tried_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.engines.load.ADDRESSES", dict.fromkeys(("cpu", "pandas"), ""))  # a cluster is started by other tests
    engines = {one["name"]: one for one in examine(try_all=True)["engines"]}
    assert engines["pandas"] == {"name": "pandas", "usable": True, "why": "runs"}


def test_what_nobody_asked_for_is_told_in_one_line(gpupipe: Command) -> None:
    ended = gpupipe("doctor", PYTHONWARNINGS="")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert any(line.split()[0] == "polars" and line.split()[-2:] == ["always", "yes"] for line in lines if line)
    if importlib.util.find_spec("cudf") is None:
        assert not any(line.startswith(("cudf", "cuml", "rmm")) for line in lines)
        assert "cu13 (GPUs with CUDA 13)" in " ".join(ended.out.split())


def test_a_broken_default_engine_is_told_with_the_remedy(gpupipe: Command, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import sys\nif len(sys.argv) > 1 or sys.argv == ['-c']:\n    sys.modules['xgboost'] = None\n    import os\n"
        "    if 'cpu' in sys.orig_argv[-1:]:\n        os.kill(os.getpid(), 4)\n"
    )
    root = Path(__file__).resolve().parents[2]
    ended = gpupipe("doctor", PYTHONPATH=f"{root}:{tmp_path / 'site'}", PYTHONWARNINGS="")
    assert ended.code == 1
    assert "Engine 'cpu' is not usable: crashed with SIGILL" in ended.out
    assert "pip install 'polars[rtcompat]'" in ended.out
