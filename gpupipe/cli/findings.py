"""What there is on this machine: engines, packages against what gpupipe asks for, room to work in.

The default engine is tried on a few rows; of the others it is only looked whether their libraries are there, unless all are to be tried.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from gpupipe import __version__
from gpupipe.core.errors import listing
from gpupipe.core.extras import pip_install
from gpupipe.report.record import PACKAGES, machine
from gpupipe.report.units import bytes_text

DEFAULT_ENGINE = "cpu"
LEAST_FREE_BYTES = 1_000_000_000
# Packages that are one module, of which either will do.
_INSTEAD = {"xgboost-cpu": "xgboost", "xgboost": "xgboost-cpu"}
# What an engine of this machine's CPUs loads, and the extras that bring it.
_MODULES = {"cpu": ("polars",), "pandas": ("pandas",), "dask": ("pandas", "dask", "distributed", "cloudpickle")}
_EXTRAS = {"cpu": ("cpu",), "pandas": ("cpu",), "dask": ("cpu", "dask")}
_FOR = {
    "cpu": "models",
    "dask": "many workers",
    "graph": "graphs",
    "deep": "networks",
    "sql": "databases",
    "tune": "searches by Optuna",
    "forecast": "long series sooner",
    "mlflow": "runs in MLflow",
    "onnx": "models as ONNX files",
    "xarray": "tensors from and to xarray",
    "cu12": "GPUs with CUDA 12",
    "cu13": "GPUs with CUDA 13",
}
# Packages that come along with one of another extra, so that their being there asks for nothing.
_COME_ALONG = {"scipy": "scikit-learn"}
# An engine's own library may be absent, or crash on a CPU it was not built for; so each is tried in another process.
_TRIAL = """
import sys
import narwhals.stable.v2 as nw, pyarrow as pa, gpupipe as gp
table = gp.FromArrow(pa.table({"a": [1, 2, 3]})).node()
got = gp.Pipeline("doctor", total=gp.Scalar(nw.col("a").sum())(table)).run(sys.argv[1])["total"]
assert got == 6, f"1 + 2 + 3 came out as {got}"
"""


def examine(*, try_all: bool = False) -> dict[str, Any]:
    """Return the findings as plain values, with what is wrong and the command that mends it.

    Parameters
    ----------
    try_all
        Whether every engine is tried on a few rows, which takes as long as starting a cluster of each kind does.
    """
    from gpupipe.engines._cuda import ask_driver, why_not  # local: as above
    from gpupipe.engines.load import ADDRESSES, CLUSTERED, ON_DEVICES  # local: as above

    lacks = {name: lack for name in ON_DEVICES if (lack := why_not(on_cluster=name in CLUSTERED)) is not None}
    with ThreadPoolExecutor() as pool:
        engines = list(pool.map(partial(_looked_at, try_all=try_all), [name for name in ADDRESSES if name not in lacks]))
    engines += [{"name": name, "usable": False, "why": lack} for name, lack in lacks.items()]
    packages = wanted_packages()
    found: dict[str, Any] = {"gpupipe": __version__, "machine": _machine(), "engines": engines, "packages": packages}
    usable = any(one["usable"] for one in engines if one["name"] == DEFAULT_ENGINE)
    wanted = set(ADDRESSES) - (set(ON_DEVICES) if ask_driver().wrong is not None else set())  # nobody misses it where there is no device
    trees = tree_problems() if usable else []
    problems = [*_engine_problems(engines, wanted), *package_problems(packages), *trees, *_room_problems(found["machine"])]
    return found | {"problems": problems, "default_engine": DEFAULT_ENGINE, "usable": usable}


def _looked_at(name: str, *, try_all: bool) -> dict[str, Any]:
    """Return whether an engine is usable, as far as it is to be found out."""
    return _tried(name) if try_all or name == DEFAULT_ENGINE or name not in _MODULES else _found(name)


def _found(name: str) -> dict[str, Any]:
    """Return whether an engine's libraries are installed; none is loaded."""
    missing = [module for module in _MODULES[name] if importlib.util.find_spec(module) is None]
    if not missing:
        return {"name": name, "usable": True, "why": "installed"}
    return {"name": name, "usable": False, "why": f"{listing(missing)} missing. Run: {pip_install(*_EXTRAS[name])}"}


def _tried(name: str) -> dict[str, Any]:
    """Return whether an engine can add three numbers, and if not, what it said."""
    root = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    try:
        done = subprocess.run(  # noqa: S603  (this interpreter, and a program that stands above)
            [sys.executable, "-c", _TRIAL, name], capture_output=True, text=True, timeout=120, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return {"name": name, "usable": False, "why": "a run on three rows took more than two minutes"}
    if done.returncode == 0:
        return {"name": name, "usable": True, "why": "runs; the default" if name == DEFAULT_ENGINE else "runs"}
    if done.returncode < 0:
        return {"name": name, "usable": False, "why": f"crashed with {signal.Signals(-done.returncode).name}"}
    last = [line for line in done.stderr.strip().splitlines() if line.strip()][-1:]
    return {"name": name, "usable": False, "why": last[0] if last else f"ended with exit code {done.returncode}"}


def wanted_packages() -> list[dict[str, Any]]:
    """Return what gpupipe asks for, by extra, and what is installed; where gpupipe itself is not, what it is tested with."""
    try:
        asked = metadata.requires("gpupipe") or []
    except metadata.PackageNotFoundError:
        asked = []
    if not any(text.startswith("narwhals") for text in asked):  # of that name there is another project, too
        found = [(name, _version(name)) for name in PACKAGES if name != "gpupipe"]
        return [{"name": name, "version": version, "needs": "-", "extra": None, "ok": None, "requirement": name} for name, version in found]
    return [_package(text) for text in asked]


def _package(requirement: str) -> dict[str, Any]:
    """Return one requirement, and whether it is met."""
    name, needs, extra = parse_requirement(requirement)
    version = _version(name) or _version(_INSTEAD.get(name, name))
    ok = version is not None and meets(version, needs)
    asked = requirement.partition(";")[0].strip()
    return {"name": name, "version": version, "needs": needs or "any", "extra": extra, "ok": ok, "requirement": asked}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def parse_requirement(text: str) -> tuple[str, str, str | None]:
    """Return the name, the versions and the extra of a requirement.

    Examples
    --------
    >>> parse_requirement("scikit-learn>=1.9; extra == 'cpu'")
    ('scikit-learn', '>=1.9', 'cpu')
    >>> parse_requirement("dask[dataframe] (<2027,>=2026.1)")
    ('dask', '<2027,>=2026.1', None)
    """
    asked, _, marker = text.partition(";")
    matched = re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*\(?([^()]*)\)?\s*$", asked)
    extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", marker)
    name, needs = (matched[1], matched[2].strip()) if matched else (asked.strip(), "")
    return name, needs, extra[1] if extra else None


def meets(version: str, needs: str) -> bool:
    """Return whether a version's release numbers lie within what is asked for.

    Examples
    --------
    >>> meets("2.10.1", ">=2.9,<3"), meets("1.8", ">=1.9"), meets("26.10.2", "==26.10.*"), meets("1.0", "")
    (True, False, True, True)
    """
    return all(_meets_one(version, part.strip()) for part in needs.split(",") if part.strip())


def _meets_one(version: str, part: str) -> bool:
    matched = re.match(r"(>=|<=|==|!=|~=|>|<)\s*(.+)", part)
    if matched is None:
        return True
    sign, bound = matched[1], matched[2]
    wild = bound.endswith(".*")
    wanted = _release(bound.removesuffix(".*"))
    got = _release(version)
    n_parts = max(len(got), len(wanted))
    padded, limit = got + (0,) * (n_parts - len(got)), wanted + (0,) * (n_parts - len(wanted))
    same = got[: len(wanted)] == wanted if wild else padded == limit
    if sign == "~=":
        return padded >= limit and got[: len(wanted) - 1] == wanted[:-1]
    if sign in ("==", "!="):
        return same == (sign == "==")
    return {">=": padded >= limit, "<=": padded <= limit, ">": padded > limit, "<": padded < limit}[sign]


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with."""
    matched = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, matched[0].split("."))) if matched else ()


def _machine() -> dict[str, Any]:
    """Return what there is to work with."""
    temp = tempfile.gettempdir()
    free = shutil.disk_usage(temp).free
    facts = machine()
    limit = _memory_limit()
    memory = min(facts["memory_bytes"], limit) if limit is not None else facts["memory_bytes"]
    return facts | {"memory_bytes": memory, "python": platform.python_version(), "temp": temp, "temp_free_bytes": free}


def _memory_limit() -> int | None:
    """Return what a container lets its processes use, or None where there is no limit (cgroup v2, then v1)."""
    for path in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if path.exists():
            text = path.read_text().strip()
            return int(text) if text.isdigit() else None
    return None


def _engine_problems(engines: list[dict[str, Any]], released: set[str]) -> list[dict[str, str]]:
    """Return what is wrong with the engines of this release."""
    broken = [one for one in engines if one["name"] in released and not one["usable"]]
    return [{"what": f"Engine {one['name']!r} is not usable: {one['why']}", "mend": _mend_engine(one["why"])} for one in broken]


def _mend_engine(why: str) -> str:
    """Return the command that mends an engine."""
    if (told := re.search(r"pip install .*'[^']+'", why)) is not None:
        return told[0]
    if "SIGILL" in why:  # Polars' documentation, "Installation": a build for CPUs without AVX2
        return "pip install 'polars[rtcompat]'"
    return pip_install("cpu")


def package_problems(packages: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return what is wrong with the packages; an extra of which nothing is installed that others do not ask for was not asked for."""
    if all(one["ok"] is None for one in packages):
        what = "gpupipe runs from a folder and is not installed, so which versions it needs is not known."
        return [{"what": what, "mend": "pip install -e '.[cpu]'  # in that folder"}]
    problems = []
    for extra in wanted_extras(packages):
        wrong = [one for one in packages if one["extra"] == extra and not one["ok"]]
        if not wrong:
            continue
        told = ", ".join(f"{one['name']} {one['version'] or 'is missing'} (needs {one['needs']})" for one in wrong)
        mend = " ".join(["pip install", *(f"'{one['requirement']}'" for one in wrong)])
        problems.append({"what": f"Of {extra or 'the required packages'}: {told}.", "mend": mend})
    return problems


def tree_problems() -> list[dict[str, str]]:
    """Return that the tree of this Polars' queries is of a version that is not known; Polars is loaded."""
    from gpupipe.engines._query import tree_is_known  # local: a Polars that was not built for this CPU ends the process

    if tree_is_known():
        return []
    version = metadata.version("polars")
    what = (
        f"Polars {version} is newer than what gpupipe {__version__} knows: answers hold, but runs may read columns that they do not need. "
        "A newer gpupipe may know it."
    )
    return [{"what": what, "mend": f"pip install 'polars<{version}'"}]


def wanted_extras(packages: list[dict[str, Any]]) -> list[str | None]:
    """Return the extras that somebody has asked for: of which a package is there that no other one asks for. None stands for what all need.

    gpupipe's own development is wanted where all of its tools are there: who tests with pytest need not mean gpupipe.
    """
    wanted = []
    for extra in dict.fromkeys(one["extra"] for one in packages):
        members = [one for one in packages if one["extra"] == extra]
        others = {one["name"] for one in packages if one["extra"] != extra}
        others |= {name for name, by in _COME_ALONG.items() if by in others}
        own = [one for one in members if one["name"] not in others and _INSTEAD.get(one["name"]) not in others] or members
        there = [one["version"] is not None for one in own]
        if extra is None or (all(there) if extra == "dev" else any(there)):
            wanted.append(extra)
    return wanted


def further_extras(packages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the extras that are not installed and not asked for, and what each is for."""
    wanted = wanted_extras(packages)
    there = {one["extra"] for one in packages}
    return [(extra, what) for extra, what in _FOR.items() if extra in there and extra not in wanted]


def _room_problems(facts: dict[str, Any]) -> list[dict[str, str]]:
    """Return what is wrong with the room for temporary files."""
    if facts["temp_free_bytes"] >= LEAST_FREE_BYTES:
        return []
    what = f"Only {bytes_text(facts['temp_free_bytes'])} are free in {facts['temp']}, where large inputs are unpacked and sorted."
    return [{"what": what, "mend": "export TMPDIR=/a/folder/with/more/room"}]
