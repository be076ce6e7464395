"""The functions that docs/clusters.md shows, against the packages they are for, where those are installed."""

from __future__ import annotations

import ast
import inspect
import os
import re
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from gpupipe.core.engine import EngineOptions
from gpupipe.engines.dask.clusters import open_cluster
from tests.clusters import ROOT

SBATCH = """#!/bin/sh
# What Slurm does with a script, without Slurm: it keeps it, runs it, and says which job it is.
cp "$1" job.sh
setsid sh job.sh >job.log 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
kill -TERM -- "-$1"
"""


def shown(function: str) -> str:
    """Return the block of the document that defines a function."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "clusters.md").read_text(), re.DOTALL)
    (block,) = [one for one in blocks if f"def {function}(" in one]
    return block


def test_the_document_shows_python() -> None:
    for name in ("slurm", "kubernetes", "existing"):
        compile(shown(name), f"docs/clusters.md:{name}", "exec")


def test_the_slurm_function_makes_a_cluster_that_a_run_can_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed")
    for name, script in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    text = (
        shown("slurm").replace("source /shared/venv/bin/activate", "true").replace("processes=8", "processes=1").replace("jobs=4", "jobs=1")
    )
    (tmp_path / "clusters.py").write_text(text.replace('local_directory="/tmp"', f'local_directory="{tmp_path}"'))
    opened = open_cluster(EngineOptions(cluster=f"{tmp_path}/clusters.py:slurm", worker_seconds=30))
    try:
        assert opened.client.submit(abs, -3).result() == 3
        assert "#SBATCH -A my-project" in opened.started[1].job_script()
    finally:
        opened.close()


def test_the_kubernetes_functions_call_what_there_is() -> None:
    operator = pytest.importorskip("dask_kubernetes.operator", reason="dask-kubernetes is not installed")
    calls = [node for node in ast.walk(ast.parse(shown("kubernetes"))) if isinstance(node, ast.Call)]
    assert len(calls) == 2
    for call in calls:
        target = operator.KubeCluster.from_name if isinstance(call.func, ast.Attribute) else operator.KubeCluster
        signature = inspect.signature(operator.KubeCluster)
        names = {keyword.arg for keyword in call.keywords}
        inspect.signature(target).bind(*call.args, **dict.fromkeys(names, None))
        assert names <= set(signature.parameters), "an argument would go into **kwargs unseen"
