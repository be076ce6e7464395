from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpupipe.engines._cuda import why_not

Command = Callable[..., Any]


def test_engines_are_tried(gpupipe: Command) -> None:
    ended = gpupipe("doctor", "--json", PYTHONWARNINGS="")
    assert ended.code == 0, ended.err
    engines = {one["name"]: one for one in ended.json["engines"]}
    assert engines["cpu"]["usable"] is True
    if why_not() is not None:
        assert engines["gpu"] == {"name": "gpu", "usable": False, "why": why_not()}
        assert engines["dask-cuda"] == {"name": "dask-cuda", "usable": False, "why": why_not(on_cluster=True)}
        told = " ".join(problem["what"] for problem in ended.json["problems"])
        assert "'gpu'" not in told and "'dask-cuda'" not in told, "nobody misses them where there is no device"
    assert ended.json["machine"]["cpus"] >= 1
    assert ended.json["machine"]["temp_free_bytes"] > 0


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
