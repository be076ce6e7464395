"""What tests of every part share: one test, all engines; and the data beside the project."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from _pytest.doctest import DoctestModule
from hypothesis import HealthCheck, settings

from gpupipe.core import secret
from gpupipe.engines._cuda import why_not
from gpupipe.engines.load import CLUSTERED, ON_DEVICES

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before XGBoost is imported; see docs/decisions/008-openmp-waits.md
# Clusters wait most of the time: they need not look at themselves a hundred times a second meanwhile, nor keep a profile that nobody reads.
os.environ.setdefault("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED", "False")
os.environ.setdefault("DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL", "1s")
os.environ.setdefault("DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL", "5s")
# `make test` looks at the same few examples each time, `make fuzz` at fresh ones; one that fails is told with how to see it again.
_SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", max_examples=10, derandomize=True, **_SLOW)
settings.register_profile("fresh", max_examples=100, derandomize=False, print_blob=True, **_SLOW)
settings.load_profile(os.environ.get("GPUPIPE_EXAMPLES", "same"))

_TOLD_SECONDS = 60

LIBRARIES = {"cpu": "polars", "dask": "distributed", "pandas": "pandas"}
if why_not() is None:  # a device, and RAPIDS
    LIBRARIES["gpu"] = "cudf"
if why_not(on_cluster=True) is None:
    LIBRARIES["dask-cuda"] = "dask_cudf"


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Iterator[None]:
    """Leave the doctests of tests alone: there are none, and looking for them takes as long as finding the tests."""
    found = yield
    return [each for each in found if not isinstance(each, DoctestModule)]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell which files took longest, where the run was no short one: STYLE.md says what a test may cost."""
    seconds: Counter[str] = Counter()
    for report in (report for reports in terminalreporter.stats.values() for report in reports if hasattr(report, "duration")):
        seconds[report.nodeid.split("::")[0]] += report.duration
    if seconds.total() > _TOLD_SECONDS:
        terminalreporter.section(f"slowest files, of {seconds.total():.0f} s in all processes")
        for file, spent in seconds.most_common(10):
            terminalreporter.write_line(f"{spent:7.1f} s {file}")


@pytest.hookimpl(tryfirst=True)  # before -m chooses among the tests
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have a test that is marked ``once_on_clusters`` run there on its first case, and on the others in the long form of the suite.

    Workers do with a block what the engine of the blocks does, which all cases are tried on. Names of parameters in the mark have a case
    for each of their values.
    """
    seen: set[tuple[Any, ...]] = set()
    for item in items:
        mark, params = item.get_closest_marker("once_on_clusters"), getattr(getattr(item, "callspec", None), "params", {})
        if mark is not None and params.get("engine") in CLUSTERED:
            case = (item.nodeid.split("[")[0], params["engine"], *(str(params[name]) for name in mark.args))
            if case in seen:
                item.add_marker(pytest.mark.slow)
            seen.add(case)


@pytest.fixture(params=sorted(LIBRARIES))
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of each engine that is installed; on a cluster, every table is in several blocks.

    The two workers of ``dask-cuda`` share the first device, so that it can be tried where there is but one.
    """
    name: str = request.param
    if importlib.util.find_spec(LIBRARIES[name]) is None:
        pytest.skip(f"engine {name!r} needs {LIBRARIES[name]}, which is not installed")
    if name in CLUSTERED:
        monkeypatch.setenv("GPUPIPE_CLUSTER", request.getfixturevalue("two_workers"))
        monkeypatch.setattr("gpupipe.engines.dask.reading.LEAST_ROWS", 1)
        monkeypatch.setattr("gpupipe.engines.dask.reading.BLOCKS_A_THREAD", 1)
    return name


@pytest.fixture(autouse=True)
def _secrets_of_its_own() -> Iterator[None]:
    """Forget what a test said was secret: a password that is a word of ours would be masked in the words of the tests after it."""
    before = set(secret._known.forms), secret._known.found
    yield
    secret._known.forms, secret._known.found = before


@pytest.fixture
def held(request: pytest.FixtureRequest) -> Callable[[pa.Table], pa.Table]:
    """Return what leaves out the columns that the test's engine refuses to hold: on devices there are no times of day and no bytes."""
    on_device = "engine" in request.fixturenames and request.getfixturevalue("engine") in ON_DEVICES

    def keep(table: pa.Table) -> pa.Table:
        is_refused = (pa.types.is_time, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
        refused = [field.name for field in table.schema if on_device and any(is_one(field.type) for is_one in is_refused)]
        return table.drop_columns(refused)

    return keep


@pytest.fixture(scope="session")
def two_workers() -> Iterator[str]:
    """Return the address of a scheduler with two workers, each a process."""
    from distributed import LocalCluster  # local: only tests on Dask need it

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit="4GiB") as cluster:
        yield str(cluster.scheduler_address)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the project."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"there is no {path.parent.name}/{path.name} beside the project: the real samples are not kept in it")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Return the address of a PostgreSQL server of our own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("there is no PostgreSQL server in /usr/lib/postgresql (Debian: apt-get install postgresql)")
    bin_folder = found[-1].parent
    as_user: list[str] = []
    with tempfile.TemporaryDirectory(prefix="gpupipe-pg-") as folder:
        if os.geteuid() == 0:  # the server refuses to run as root
            user = "postgres" if _has_user("postgres") else "nobody"
            as_user = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]
            shutil.chown(folder, user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        data = f"{folder}/data"
        _call([*as_user, bin_folder / "initdb", "-D", data, "-U", "gpupipe", "-A", "trust", "--no-sync", "-E", "UTF8"], folder)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        _call([*as_user, bin_folder / "pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start"], folder)
        try:
            yield f"postgresql://gpupipe:secret@127.0.0.1:{port}/postgres"
        finally:
            _call([*as_user, bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], folder)


def _has_user(name: str) -> bool:
    try:
        return pwd.getpwnam(name) is not None
    except KeyError:
        return False


def _call(command: list[Any], folder: str) -> None:
    """Run a command; a server that it leaves behind must not hold our output open."""
    with Path(f"{folder}.out").open("w+") as output:
        done = subprocess.run([str(part) for part in command], stdout=output, stderr=output, cwd=folder, check=False)
        output.seek(0)
        text = output.read()
    Path(f"{folder}.out").unlink()
    if done.returncode:
        pytest.fail(f"{command[-1]}: {text}")
