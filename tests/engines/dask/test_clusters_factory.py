from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("distributed")

from gpupipe.core.errors import ClusterError, UsageError
from gpupipe.engines.dask.clusters_factory import made_by

FILE = """
def none():
    return None
def fails():
    raise OSError("sbatch: not found")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clusters.py"
    path.write_text(FILE)
    return path


def test_what_a_function_returns_must_be_a_cluster(file: Path) -> None:
    with pytest.raises(UsageError, match=r"clusters.py:none to return a Dask cluster or client, got NoneType"):
        made_by(f"{file}:none")


def test_an_error_of_the_function_is_told(file: Path) -> None:
    with pytest.raises(ClusterError, match=r"clusters.py:fails could not make a cluster: OSError: sbatch: not found"):
        made_by(f"{file}:fails")


def test_a_misspelled_name_is_told_with_the_nearest(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no function 'fail' .*Did you mean 'fails'"):
        made_by(f"{file}:fail")
    with pytest.raises(UsageError, match=r"There is no file '.*absent.py'"):
        made_by(f"{tmp_path}/absent.py:fails")
    with pytest.raises(UsageError, match=r"There is no module 'no_such_package.clusters'"):
        made_by("no_such_package.clusters:slurm")


def test_a_file_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import dask_no_such_queue")
    with pytest.raises(ClusterError, match=r"Loading .*broken.py raised ModuleNotFoundError: .*dask_no_such_queue"):
        made_by(f"{tmp_path}/broken.py:cluster")
