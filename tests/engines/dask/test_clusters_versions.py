from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from gpupipe import __version__
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import ClusterError
from gpupipe.engines.dask.clusters import open_cluster
from gpupipe.engines.dask.clusters_versions import NAMES, differences, versions_here
from tests.clusters import ROOT, Servers


def test_every_library_is_asked_for() -> None:
    assert set(versions_here()) == set(NAMES)
    assert versions_here()["gpupipe"] == __version__


def test_many_workers_of_one_kind_are_put_together() -> None:
    there = {f"worker {number}": {"numpy": "2.3"} for number in range(5)}
    assert differences({"numpy": "2.4"}, there) == ["numpy: here 2.4; worker 0, worker 1, worker 2 and 2 more have 2.3"]


def test_a_worker_with_another_gpupipe_or_none_is_an_error_that_names_it(tmp_path: Path) -> None:
    older, none = tmp_path / "older", tmp_path / "none"
    shutil.copytree(ROOT / "gpupipe", older / "gpupipe", ignore=shutil.ignore_patterns("__pycache__"))
    face = older / "gpupipe" / "__init__.py"
    face.write_text(face.read_text().replace(f'__version__ = "{__version__}"', '__version__ = "0.0.9"'))
    (none / "gpupipe").mkdir(parents=True)
    (none / "gpupipe" / "__init__.py").write_text("raise ImportError('No module named gpupipe')")
    servers = Servers(tmp_path / "servers").start(0)
    try:
        servers.add_worker("--no-nanny", PYTHONPATH=str(older))
        with pytest.raises(ClusterError, match=rf"gpupipe: here {__version__}; worker tcp://127.0.0.1:\d+ has 0.0.9\n.*constraints.txt"):
            open_cluster(EngineOptions(cluster=servers.address))
        servers.kill(servers.workers[0])
        servers.add_worker("--no-nanny", PYTHONPATH=str(none))
        with pytest.raises(ClusterError, match=r"gpupipe: here .*worker tcp://127.0.0.1:\d+ has none"):
            open_cluster(EngineOptions(cluster=servers.address))
    finally:
        servers.stop()
