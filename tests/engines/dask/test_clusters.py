from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed")
import distributed  # after the skip

from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import ClusterError, UsageError
from gpupipe.engines.dask.clusters import open_cluster, wait_for_worker
from tests.clusters import Certificates, Servers, make_certificates


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp("cluster")).start(1)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls_servers(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp("tls"), certificates).start(1)
    yield running
    running.stop()


def test_a_local_cluster_has_the_workers_asked_for_and_ends_with_its_use() -> None:
    opened = open_cluster(EngineOptions(cluster="local:2"))
    try:
        workers = opened.client.scheduler_info(n_workers=-1)["workers"].values()
        assert [worker["nthreads"] for worker in workers] == [1, 1]
        assert sum(worker["memory_limit"] for worker in workers) < distributed.system.MEMORY_LIMIT
        assert opened.client.submit(abs, -3).result() == 3
        assert opened.dashboard is not None and opened.dashboard.startswith("http://127.0.0.1:")
    finally:
        opened.close()
    assert opened.client.status == "closed"
    assert opened.started[1].status.name == "closed"


def test_an_address_is_connected_to_and_the_cluster_stays(servers: Servers) -> None:
    for _ in range(2):
        opened = open_cluster(EngineOptions(cluster=servers.address))
        assert opened.client.submit(abs, -3, pure=False).result() == 3
        opened.close()


def test_a_client_of_the_callers_stays_open(servers: Servers) -> None:
    with distributed.Client(servers.address) as client:
        opened = open_cluster(EngineOptions(cluster=client))
        opened.close()
        assert opened.client is client
        assert client.status == "running"


def test_a_cluster_object_of_the_callers_stays_open() -> None:
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        opened = open_cluster(EngineOptions(cluster=cluster))
        assert opened.client.submit(abs, -3).result() == 3
        opened.close()
        assert cluster.status.name == "running"


FACTORY = """
import distributed
made = []
def local():
    made.append(distributed.LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0"))
    return made[-1]
def none(): return None
def fails(): raise OSError("sbatch: not found")
"""


def test_a_function_makes_the_cluster_which_ends_with_its_use(tmp_path: Path) -> None:
    file = tmp_path / "site_clusters.py"
    file.write_text(FACTORY)
    opened = open_cluster(EngineOptions(cluster=f"{file}:local"))
    assert opened.client.submit(abs, -3).result() == 3
    opened.close()
    assert opened.started[1].status.name == "closed"


def test_a_function_of_an_installed_module_makes_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site_clusters_of_ours.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    opened = open_cluster(EngineOptions(cluster="site_clusters_of_ours:local"))
    assert opened.client.submit(abs, -3).result() == 3
    opened.close()


@pytest.mark.parametrize("chosen", ["locl", "local:", "local:0", "host:8786", 4, None.__class__, "ftp://host:1"])
def test_what_is_no_cluster_is_refused_with_what_there_is(chosen: object) -> None:
    with pytest.raises(UsageError, match="'local:4', 'tcp://host:8786'"):
        open_cluster(EngineOptions(cluster=chosen))


def test_an_asynchronous_client_is_refused(servers: Servers) -> None:
    async def give() -> None:
        async with distributed.Client(servers.address, asynchronous=True) as client:
            with pytest.raises(UsageError, match="asynchronous=True"):
                open_cluster(EngineOptions(cluster=client))

    asyncio.run(give())


def test_an_address_where_nobody_listens_is_an_error_within_a_bounded_time() -> None:
    started = time.monotonic()
    with pytest.raises(ClusterError, match=r"tcp://127.0.0.1:1 cannot be reached: .*(refused|no answer within).* `dask scheduler`"):
        open_cluster(EngineOptions(cluster="tcp://127.0.0.1:1"))
    assert time.monotonic() - started < 120


def test_a_listener_that_never_answers_is_an_error_within_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.engines.dask.clusters.CONNECT_SECONDS", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(ClusterError, match="cannot be reached: no answer within 2 s"):
        open_cluster(EngineOptions(cluster=f"tcp://127.0.0.1:{deaf.getsockname()[1]}"))


def test_a_workers_address_is_told_from_a_schedulers(servers: Servers) -> None:
    with distributed.Client(servers.address) as client:
        client.wait_for_workers(1, timeout=300)
        (worker,) = client.scheduler_info(n_workers=-1)["workers"]
    with pytest.raises(ClusterError, match=f"Expected a scheduler at {worker}, got a worker"):
        open_cluster(EngineOptions(cluster=worker))


def test_a_cluster_without_workers_is_an_error_after_the_time_given(tmp_path: Path) -> None:
    empty = Servers(tmp_path).start(0)
    try:
        with pytest.raises(ClusterError, match=rf"{empty.address} has no worker after 0.2 s. Start one \(dask worker {empty.address}\)"):
            open_cluster(EngineOptions(cluster=empty.address, worker_seconds=0.2))
        told: list[str] = []
        with distributed.Client(empty.address) as client, pytest.raises(ClusterError, match="after 1.5 s"):
            wait_for_worker(client, 1.5, told.append)
        assert told == [f"{empty.address} has no worker yet; waiting up to 1.5 s for one."]
    finally:
        empty.stop()


def test_tls_connects_with_the_authoritys_certificate(tls_servers: Servers, certificates: Certificates) -> None:
    assert tls_servers.address.startswith("tls://")
    opened = open_cluster(EngineOptions(cluster=tls_servers.address, tls=certificates.paths))
    assert opened.client.submit(abs, -3).result() == 3
    opened.close()


def test_tls_refuses_the_certificate_of_another_authority(tls_servers: Servers, tmp_path: Path) -> None:
    other = make_certificates(tmp_path)
    with pytest.raises(ClusterError, match=r"cannot be reached: .*certificate.* authority that the other one is given"):
        open_cluster(EngineOptions(cluster=tls_servers.address, tls=other.paths))


def test_a_certificate_that_the_scheduler_does_not_know_is_refused(
    tls_servers: Servers, certificates: Certificates, tmp_path: Path
) -> None:
    stranger = make_certificates(tmp_path)
    mixed = (str(certificates.authority), str(stranger.certificate), str(stranger.key))
    with pytest.raises(ClusterError, match="whether it accepts your certificate|authority that the other one is given"):
        open_cluster(EngineOptions(cluster=tls_servers.address, tls=mixed))


def test_no_encryption_where_the_scheduler_wants_it_is_an_error(tls_servers: Servers) -> None:
    with pytest.raises(ClusterError, match="one with TLS says tls://"):
        open_cluster(EngineOptions(cluster=tls_servers.address.replace("tls://", "tcp://")))
