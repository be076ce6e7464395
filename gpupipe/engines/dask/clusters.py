"""From what a caller says of a cluster to a client that is connected to it, and to workers that can run what is asked here.

No scheduling is ours, and neither is the starting of clusters: an address, an object of Dask's, or a function that makes one is all it
takes. What is looked at before anything runs: that the way there is encrypted, that the scheduler answers, that there is a worker, and
that everybody has the same versions. Each of these waits for a bounded time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeAlias

import distributed
from dask.system import CPU_COUNT
from distributed.deploy.cluster import Cluster
from distributed.system import MEMORY_LIMIT

from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import ClusterError, UsageError
from gpupipe.engines._threads import one_thread_each
from gpupipe.engines.dask.clusters_factory import is_factory, made_by
from gpupipe.engines.dask.clusters_security import check_encryption, security_of
from gpupipe.engines.dask.clusters_versions import check_versions

CONNECT_SECONDS = 10.0
DRIVER_SHARE = 0.1  # of the memory that is not given to local workers, but left to the scheduler and to whoever asks
CHOICES = "'local', 'local:4', 'tcp://host:8786', 'tls://host:8786', 'file.py:function', 'module:function', a Dask client or cluster"

MAIN_ADVICE = (
    "If a script runs the pipeline, let it do so below `if __name__ == '__main__':`, since each worker's process loads the script."
)
StartLocal: TypeAlias = Callable[[int | None], Cluster]

_log = logging.getLogger("gpupipe.cluster")


@dataclass(frozen=True)
class OpenCluster:
    """A cluster in use: its client, and what was started for it and ends with it."""

    client: distributed.Client
    started: tuple[Any, ...] = ()

    @property
    def dashboard(self) -> str | None:
        """The address of Dask's own page about the cluster."""
        link: str | None = self.client.dashboard_link
        return link

    def close(self) -> None:
        """Disconnect, and stop what was started."""
        for part in self.started:
            part.close()


def open_cluster(options: EngineOptions, start: StartLocal | None = None) -> OpenCluster:
    """Return the cluster that the options name, connected and looked at; a local one unless they name another.

    Parameters
    ----------
    start
        Makes a local cluster of so many workers; one of processes on this machine unless given.

    Raises
    ------
    UsageError
        The choice is none of those there are.
    ClusterError
        The cluster is not encrypted, cannot be reached, has no workers, or has other versions than are here.
    """
    with ExitStack() as undo:
        opened = _opened(options, undo, start or local_cluster)
        wait_for_worker(opened.client, options.worker_seconds)
        check_versions(opened.client)
        undo.pop_all()
    return opened


def open_scheduler(options: EngineOptions) -> OpenCluster:
    """Return the cluster that the options name, of which only the scheduler will be asked: it may have no workers.

    Raises
    ------
    UsageError, ClusterError
        As in `open_cluster`.
    """
    with ExitStack() as undo:
        opened = _opened(options, undo, local_cluster)
        check_versions(opened.client, workers=False)
        undo.pop_all()
    return opened


def _opened(options: EngineOptions, undo: ExitStack, start: StartLocal) -> OpenCluster:
    """Return the cluster connected; what was started is entered in `undo`."""
    chosen = options.cluster
    if isinstance(chosen, str) and is_factory(chosen):
        made = made_by(chosen)
        undo.callback(made.close)
        inner = made if isinstance(made, distributed.Client) else _client_of(made, options, undo)
        return OpenCluster(inner, (inner,) if inner is made else (inner, made))
    if isinstance(chosen, distributed.Client):
        if chosen.asynchronous:
            msg = "Expected a Dask client that waits for its answers, got an asynchronous one. Make it without asynchronous=True."
            raise UsageError(msg)
        return OpenCluster(chosen)
    if isinstance(chosen, Cluster):
        client = _client_of(chosen, options, undo)
        return OpenCluster(client, (client,))
    if isinstance(chosen, str) and "://" in chosen:
        client = _connected(chosen, options, undo)
        return OpenCluster(client, (client,))
    n_workers = _local_workers(chosen)
    _check_main()
    cluster = start(n_workers)
    undo.callback(cluster.close)
    client = _client_of(cluster, options, undo)
    return OpenCluster(client, (client, cluster))


def _check_main() -> None:
    """Raise ClusterError in a worker's process."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        msg = f"A worker's process was about to start a cluster of its own. {MAIN_ADVICE}"
        raise ClusterError(msg)


def local_cluster(n_workers: int | None) -> Cluster:
    """Return a new cluster of processes on this machine, one for each CPU unless a number is given."""
    n_workers = n_workers or CPU_COUNT
    try:
        with one_thread_each():
            return distributed.LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                memory_limit=int(MEMORY_LIMIT * (1 - DRIVER_SHARE) / n_workers),
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,  # what fails is told by gpupipe's own errors; the rest is in its report
            )
    except RuntimeError as error:
        msg = f"The workers of a local cluster did not start: {error} {MAIN_ADVICE}"
        raise ClusterError(msg) from error


def _local_workers(chosen: Any) -> int | None:
    """Return how many workers a local cluster gets, or None where no number is given."""
    name, colon, number = ("local", "", "") if chosen is None else str(chosen).partition(":")
    if not isinstance(chosen, str | None) or name != "local" or (colon and not (number.isdigit() and int(number))):
        got = repr(chosen) if isinstance(chosen, str) else type(chosen).__name__
        msg = f"There is no cluster {got}. Name one of: {CHOICES}."
        raise UsageError(msg)
    return int(number) if number else None


def _client_of(cluster: Cluster, options: EngineOptions, undo: ExitStack) -> distributed.Client:
    """Return a client of a cluster object, with the object's own certificates."""
    check_encryption(str(cluster.scheduler_address), allow_unencrypted=options.allow_unencrypted)
    with _translated(str(cluster.scheduler_address)):
        client = distributed.Client(cluster, timeout=CONNECT_SECONDS)
    undo.callback(client.close)
    return client


def _connected(address: str, options: EngineOptions, undo: ExitStack) -> distributed.Client:
    """Return a client of the scheduler at an address."""
    if not address.startswith(("tcp://", "tls://")):
        msg = f"Expected an address that begins with tcp:// or tls://, got {address!r}. Name one of: {CHOICES}."
        raise UsageError(msg)
    security = security_of(address, options.tls)
    check_encryption(address, allow_unencrypted=options.allow_unencrypted)
    with _translated(address):
        # Dask's client waits without end for an answer to its first message; so somebody else asks first, who does not.
        with ThreadPoolExecutor(1) as pool:  # a thread, since a notebook's own has a running event loop
            kind = pool.submit(asyncio.run, _ask_identity(address, security)).result()
        if kind != "Scheduler":
            msg = f"Expected a scheduler at {address}, got a {kind.lower()}. `dask scheduler` prints its address when it starts."
            raise ClusterError(msg)
        client = distributed.Client(address, security=security, timeout=CONNECT_SECONDS)
    undo.callback(client.close)
    return client


async def _ask_identity(address: str, security: distributed.Security) -> str:
    """Return what a Dask server says that it is."""
    remote = distributed.rpc(address, timeout=CONNECT_SECONDS / 2, connection_args=security.get_connection_args("client"))
    try:
        answer = await asyncio.wait_for(remote.identity(), CONNECT_SECONDS)
    finally:
        with contextlib.suppress(OSError):
            await remote.close_rpc()
    return str(answer["type"])


class _translated(contextlib.AbstractContextManager[None]):  # noqa: N801  (a function with a state)
    """Turns what goes wrong on the way to a scheduler into an error that names its address and what to look at."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, OSError | ValueError | RuntimeError):
            return
        reasons = _reasons(error)
        msg = f"The scheduler at {self.address} cannot be reached: {reasons[-1]}."
        if any("SSL" in reason or "certificate" in reason.lower() for reason in reasons):
            msg += " Look whether both sides' certificates are from the authority that the other one is given as its CA file."
        elif self.address.startswith("tls://"):
            msg += " Look whether a scheduler with TLS listens there, and whether it accepts your certificate."
        else:
            msg += " Look whether `dask scheduler` runs there, and whether this is the address that it printed: one with TLS says tls://."
        raise ClusterError(msg) from error


def _reasons(error: BaseException) -> list[str]:
    """Return what an error and those that led to it say, the first cause last."""
    told: list[str] = []
    at: BaseException | None = error
    while at is not None and not isinstance(at, asyncio.CancelledError) and len(told) < 10:
        silent = f"no answer within {CONNECT_SECONDS:g} s" if isinstance(at, TimeoutError) else type(at).__name__
        told.append(str(at).strip().rstrip(".") or silent)
        at = at.__cause__ or at.__context__
    return told


def wait_for_worker(client: distributed.Client, seconds: float, tell: Callable[[str], None] = _log.warning) -> None:
    """Wait until the cluster has a worker.

    Raises
    ------
    ClusterError
        Where it has none after this time.
    """
    for part in (min(1.0, seconds), seconds):  # whoever waits longer than a moment is told
        try:
            client.wait_for_workers(1, timeout=part)
        except TimeoutError:
            address = client.scheduler.address if client.scheduler is not None else "the cluster"
            if part == seconds:
                break
            tell(f"{address} has no worker yet; waiting up to {seconds:g} s for one.")
        else:
            return
    msg = f"{address} has no worker after {seconds:g} s. Start one (dask worker {address}), scale the cluster object "
    raise ClusterError(
        f"{msg}(cluster.scale(2), or adapt(minimum=1)), or wait longer: --worker-seconds, gp.EngineOptions(worker_seconds=...)."
    )
