"""Commands that install something never ask an index for gpupipe: there that name is another project's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpupipe.core.errors import MissingExtraError
from gpupipe.core.extras import pip_install

ROOT = Path(__file__).resolve().parents[2]


def installed_as(folder: Path, monkeypatch: pytest.MonkeyPatch, *asked: str) -> None:
    """Let pip's records say that gpupipe asks for some packages."""
    info = folder / "gpupipe-9.9.dist-info"
    info.mkdir()
    requires = "".join(f"Requires-Dist: {one}\n" for one in asked)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gpupipe\nVersion: 9.9\n{requires}")
    monkeypatch.syspath_prepend(str(folder))


def test_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed_as(
        tmp_path, monkeypatch, "narwhals", "pandas>=3; extra == 'cpu'", 'dask[dataframe]>=2; extra == "dask"', "pandas>=3; extra == 'dask'"
    )
    assert pip_install("cpu", "dask") == "pip install 'pandas>=3' 'dask[dataframe]>=2'"
    assert pip_install("cpu", anew=True) == "pip install --force-reinstall 'pandas>=3'"
    assert str(MissingExtraError.of("Both need dask", "cpu", "dask")).startswith(
        "Both need dask, which is not installed (extras 'cpu', 'dask'). Run: pip install 'pandas>=3'"
    )


def test_the_other_project_of_that_name_has_no_extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed_as(tmp_path, monkeypatch, "numpy", "rich")
    assert pip_install("graph") == "pip install '.[graph]'  # in the folder of gpupipe's pyproject.toml"


def test_no_page_and_no_message_installs_by_that_name() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "gpupipe").rglob("*.py"))]
    told = ("never `pip install gpupipe`", "so `pip install gpupipe`", "Python package index", "stranger's package")
    for page in pages:
        for line in page.read_text(encoding="utf-8").splitlines():
            if "pip install" in line and not any(one in line for one in told):
                assert "install gpupipe" not in line and "'gpupipe[" not in line, f"{page.relative_to(ROOT)}: {line}"
