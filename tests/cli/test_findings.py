from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpupipe.cli.findings import _FOR, further_extras, meets, package_problems, wanted_extras, wanted_packages

Command = Callable[..., Any]


def test_packages_are_held_against_what_gpupipe_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "gpupipe-9.9.dist-info"
    info.mkdir()
    asked = ["polars>=1", "narwhals>=999", "adbc-driver-manager>=1; extra == 'sql'", "no-such-package-here>=1; extra == 'more'"]
    requires = "".join(f"Requires-Dist: {one}\n" for one in asked)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gpupipe\nVersion: 9.9\n{requires}")
    monkeypatch.syspath_prepend(str(tmp_path))
    by_name = {one["name"]: one for one in wanted_packages()}
    assert by_name["polars"]["ok"] is True
    assert by_name["narwhals"] | {"version": ""} == {
        "name": "narwhals",
        "version": "",
        "needs": ">=999",
        "extra": None,
        "ok": False,
        "requirement": "narwhals>=999",
    }
    assert (by_name["no-such-package-here"]["version"], by_name["no-such-package-here"]["extra"]) == (None, "more")
    problems = package_problems(wanted_packages())
    assert len(problems) == 1  # the extra of which nothing is installed was not asked for
    assert problems[0]["what"].startswith("Of the required packages: narwhals ")
    assert problems[0]["mend"] == "pip install 'narwhals>=999'", "never gpupipe: on the index that name is another project's"


@pytest.mark.parametrize(
    ("version", "needs", "met"),
    [
        ("1.2", "~=1.1", True),
        ("2.0", "~=1.1", False),
        ("1.2rc1", ">=1.2", True),
        ("1.2", "!=1.2", False),
        ("1.2", "!=1.3", True),
        ("1.2", "<1.2", False),
    ],
)
def test_versions(version: str, needs: str, met: bool) -> None:
    assert meets(version, needs) is met


def test_an_extra_is_not_asked_for_by_packages_that_others_ask_for_too() -> None:
    def package(name: str, version: str | None, extra: str | None) -> dict[str, Any]:
        return {"name": name, "version": version, "needs": ">=1", "extra": extra, "ok": version is not None, "requirement": f"{name}>=1"}

    shared = [package("numpy", "2", None), package("scikit-learn", "2", "cpu"), package("xgboost-cpu", "3", "cpu")]
    shared += [package("scikit-learn", "2", "cu13"), package("xgboost", "3", "cu13")]
    assert package_problems([*shared, package("cudf-cu13", None, "cu13"), package("cuml-cu13", None, "cu13")]) == []
    (half,) = package_problems([*shared, package("cudf-cu13", None, "cu13"), package("cuml-cu13", "26.10", "cu13")])
    assert half == {"what": "Of cu13: cudf-cu13 is missing (needs >=1).", "mend": "pip install 'cudf-cu13>=1'"}


def test_an_extra_is_wanted_where_a_package_of_its_own_is_there() -> None:
    def package(name: str, there: bool, extra: str | None) -> dict[str, Any]:
        return {"name": name, "version": "1" if there else None, "needs": ">=1", "extra": extra, "ok": there, "requirement": f"{name}>=1"}

    packages = [package("polars", True, None), package("dask", True, "dask"), package("distributed", False, "dask")]
    packages += [package("adbc", False, "sql"), package("pytest", True, "dev"), package("mypy", False, "dev")]
    assert wanted_extras(packages) == [None, "dask"], "who tests with pytest need not develop gpupipe"
    assert further_extras(packages) == [("sql", "databases")]
    assert [problem["mend"] for problem in package_problems(packages)] == ["pip install 'distributed>=1'"]
    packages += [package("scikit-learn", True, "cpu"), package("scipy", True, "graph"), package("networkit", False, "graph")]
    assert wanted_extras(packages) == [None, "dask", "cpu"], "scipy came along with scikit-learn"


def test_every_extra_of_a_user_is_told() -> None:
    """An extra that nobody hears of is not installed."""
    root = Path(__file__).resolve().parents[2]
    extras = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(_FOR) == set(extras) - {"dev"}
