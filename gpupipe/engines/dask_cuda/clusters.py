"""Clusters whose workers have a GPU each: a local one by default, and which device every worker has."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dask
import distributed
from distributed.deploy.cluster import Cluster

from gpupipe.core.errors import ClusterError
from gpupipe.engines.dask.clusters import MAIN_ADVICE

UCX = ("ucx", "ucxx")


@dataclass(frozen=True)
class Device:
    """A worker's GPU: what tells it from others, and its bytes of memory."""

    uuid: str
    n_bytes: int


def local_cuda_cluster(n_workers: int | None) -> Cluster:
    """Return a new cluster on this machine, one worker for each GPU unless fewer are asked for.

    Raises
    ------
    ClusterError
        The workers do not start.
    """
    from dask_cuda import LocalCUDACluster  # local: what is decided below can be held on a machine without it

    try:
        made: Cluster = LocalCUDACluster(**local_options(n_workers))
    except (RuntimeError, ValueError) as error:
        msg = f"The workers of a local cluster of GPUs did not start: {error} {MAIN_ADVICE}"
        raise ClusterError(msg) from error
    return made


def local_options(n_workers: int | None) -> dict[str, Any]:
    """Return what a local cluster is made with: UCX where Dask's own option asks for it, and no memory pool, which the block engine makes.

    cuDF spills by itself; Dask's own spilling of device memory is off, since the two would spill the same blocks.

    Examples
    --------
    >>> local_options(2)["n_workers"], local_options(None)["protocol"]
    (2, None)
    """
    scheme = dask.config.get("distributed.comm.default-scheme", None)
    return {
        "n_workers": n_workers,
        "threads_per_worker": 1,
        "protocol": scheme if scheme in UCX else None,
        "device_memory_limit": None,
        "enable_cudf_spill": True,
        "dashboard_address": "127.0.0.1:0",
        "silence_logs": logging.CRITICAL,  # as for a local cluster of CPUs
    }


def devices_of(client: distributed.Client) -> dict[str, Device]:
    """Return the device of each worker.

    Raises
    ------
    ClusterError
        A worker has none, or not the libraries to use it.
    """
    found: Mapping[str, Any] = client.run(device_of_worker, on_error="return")
    for address, device in found.items():
        if not isinstance(device, Device):
            msg = (
                f"The worker at {address} has no GPU that can be used: {type(device).__name__}: {device}. Start workers with "
                "`dask cuda worker`, in an environment with gpupipe and RAPIDS, or use engine 'dask'."
            )
            raise ClusterError(msg)
    return dict(found)


def device_of_worker() -> Device:
    """Return the device that CUDA gives this process."""
    import cupy as cp  # local: runs on a worker

    properties = cp.cuda.runtime.getDeviceProperties(cp.cuda.runtime.getDevice())
    return Device(bytes(properties["uuid"]).hex(), int(properties["totalGlobalMem"]))


def least_share(devices: Mapping[str, Device]) -> int:
    """Return the least bytes of device memory that a worker has, where those on one device share it.

    Examples
    --------
    >>> least_share({"a": Device("x", 100), "b": Device("x", 100), "c": Device("y", 80)})
    50
    """
    held = [device.uuid for device in devices.values()]
    return min(device.n_bytes // held.count(device.uuid) for device in devices.values())


def are_shared(devices: Mapping[str, Device]) -> bool:
    """Whether two workers have one device.

    Examples
    --------
    >>> are_shared({"a": Device("x", 100), "b": Device("y", 100)})
    False
    """
    return len({device.uuid for device in devices.values()}) < len(devices)
