"""The face of the package: its names are sorted, each is where it is said to be, and none of them costs before it is used."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import gpupipe

# What a frame, a model or a graph lives in. NumPy and Arrow are not heavy by themselves, but nobody has asked for them yet either.
HEAVY = (
    "polars",
    "pandas",
    "narwhals",
    "numpy",
    "pyarrow",
    "sklearn",
    "scipy",
    "xgboost",
    "skops",
    "dask",
    "cudf",
    "torch",
    "rich",
    "typer",
)


def loaded_by(code: str) -> set[str]:
    """Return which of the heavy packages a fresh interpreter has loaded after the code."""
    code += f"; import json, sys; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    return set(json.loads(done.stderr.strip().splitlines()[-1]))


def test_names_are_sorted_and_unique() -> None:
    assert list(gpupipe.__all__) == sorted(set(gpupipe.__all__))


@pytest.mark.parametrize("name", gpupipe.__all__)
def test_every_name_is_there(name: str) -> None:
    value = getattr(gpupipe, name)
    assert value is not None
    assert value.__module__.startswith("gpupipe."), f"{name} is somebody else's"
    assert value.__doc__, f"{name} does not say what it is"


@pytest.mark.parametrize("name", gpupipe.__all__)
def test_every_name_knows_its_own(name: str) -> None:
    value = getattr(gpupipe, name)
    assert getattr(import_module(value.__module__), name) is value


def test_dir_shows_the_face() -> None:
    assert set(dir(gpupipe)) == {*gpupipe.__all__, "__version__"}


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"^module 'gpupipe' has no attribute 'RaedCsv'"):
        _ = gpupipe.RaedCsv  # type: ignore[attr-defined]


def test_version_is_the_installed_one() -> None:
    assert gpupipe.__version__ == version("gpupipe")


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import gpupipe") == set()


def test_the_rule_would_notice() -> None:
    assert "polars" in loaded_by("import gpupipe; gpupipe.ReadCsv; import polars")


def test_help_loads_no_dataframe_library() -> None:
    code = "import sys\ntry:\n    from gpupipe.cli import main; sys.argv = ['', '--help']; main()\nexcept SystemExit: pass\nx = 0"
    assert loaded_by(code) <= {"rich", "typer"}


def test_the_one_list_has_a_line_for_each_name_and_nothing_else() -> None:
    lines = Path(gpupipe.__file__).with_suffix(".pyi").read_text().splitlines()
    names = [line for line in lines if line.startswith("from gpupipe.")]
    assert len(names) == len(gpupipe.__all__) > 40
    for line in names:
        name = line.rsplit(" ", 1)[1]
        assert line == f"from {getattr(gpupipe, name).__module__} import {name} as {name}"


def test_a_misspelled_name_suggests_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'Selekt'\. Did you mean 'Select'\?"):
        gpupipe.Selekt  # noqa: B018
