"""Whether a GPU can be used: with no driver, with one that lists no device, and with RAPIDS half installed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

import gpupipe as gp
from gpupipe.core.errors import MissingExtraError
from gpupipe.core.extras import pip_install
from gpupipe.engines import _cuda, load
from gpupipe.engines._cuda import Driver, ask_driver, missing_packages, wants, why_not
from gpupipe.engines.load import load_engine

DRIVER = """
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuInit(unsigned flags) { return INIT; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
"""


def made_driver(folder: Path, **facts: int) -> str:
    """Return the path of a library that answers as a driver with these facts."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("a C compiler is needed to build a library that answers as the driver does")
    source, library = folder / "driver.c", folder / "libdriver.so"
    source.write_text(DRIVER)
    given = {"VERSION": 13000, "INIT": 0, "COUNT": 1} | facts
    subprocess.run(
        [compiler, "-shared", "-fPIC", *(f"-D{name}={value}" for name, value in given.items()), "-o", library, source], check=True
    )
    return str(library)


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({}, None),
        ({"INIT": 100}, "the NVIDIA driver does not start (cuInit gave error 100)"),
        ({"COUNT": 0}, "the NVIDIA driver sees no device (look at CUDA_VISIBLE_DEVICES)"),
        ({"VERSION": 11080}, "the NVIDIA driver is of CUDA 11.8, and RAPIDS needs 12.0 or newer"),
    ],
    ids=["a device", "no start", "no device", "too old"],
)
def test_what_a_driver_answers(facts: dict[str, int], wrong: str | None, tmp_path: Path) -> None:
    assert ask_driver(made_driver(tmp_path, **facts)).wrong == wrong


def test_packages_go_with_the_driver(tmp_path: Path) -> None:
    assert wants(ask_driver(made_driver(tmp_path, VERSION=12080))) == "cu12"


def test_what_is_missing_is_told_with_the_command() -> None:
    if missing_packages() != ["cupy", "rmm", "pylibcudf", "cudf"]:
        pytest.skip("RAPIDS is installed here")
    assert why_not(Driver(12040, 1)) == "the Python packages cupy, rmm, pylibcudf, cudf are missing. Run: " + pip_install("cu12")


def test_what_a_cluster_needs_besides_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cuda, "NEEDED", ())
    monkeypatch.setattr(_cuda, "NEEDED_ON_CLUSTERS", (("gpupipe", "gpupipe"), ("dask_cudf_of_nobody", "dask-cudf-cu{0}")))
    assert why_not(Driver(13000, 1)) is None
    assert why_not(Driver(13000, 1), on_cluster=True) == ("the Python package dask_cudf_of_nobody is missing. Run: " + pip_install("cu13"))


@pytest.mark.skipif(why_not() is None, reason="there is a GPU that can be used")
@pytest.mark.parametrize("name", ["gpu", "dask-cuda"])
def test_engines_of_devices_without_one(name: str) -> None:
    with pytest.raises(MissingExtraError, match=rf"^Engine '{name}' cannot run here: .*(Install NVIDIA's driver|pip install '.*cudf-cu)"):
        load_engine(name)
    assert load_engine("auto").name == "cpu"


@pytest.mark.skipif(importlib.util.find_spec("cudf") is not None, reason="RAPIDS is installed here")
def test_half_installed_rapids_does_not_stop_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "why_not", lambda **_: None)  # all looks well, until cudf is imported
    with pytest.raises(
        MissingExtraError, match=r"^Engine 'gpu' cannot start, although its packages are there: ModuleNotFoundError: No module"
    ):
        load_engine("gpu")
    import polars as pl  # local: frames of this test alone

    made = gp.Pipeline("one", out=gp.FromFrame(pl.DataFrame({"a": [1]})).node()).run("auto")
    assert made.report["engine"] == "cpu"
    assert "cannot start" in made.report["fallbacks"][0]["reason"]
