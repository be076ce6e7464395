"""Engine ``dask-cuda``: engine ``dask`` with blocks of cuDF, each worker with a GPU.

What is planned, moved and waited for is engine ``dask``'s, and what is done to a block is engine ``gpu``'s. Here is what only the two
together have: a cluster of GPUs, blocks as large as their memory allows, training on all devices, metrics on one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gpupipe.core.ends import Reading, Source
from gpupipe.core.engine import EngineOptions
from gpupipe.core.schema import Schema
from gpupipe.engines.cudf.dtypes import device_schema
from gpupipe.engines.cudf.limits import LIMITS as BLOCK_LIMITS
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.clusters import OpenCluster, open_cluster
from gpupipe.engines.dask.engine import DaskEngine
from gpupipe.engines.dask.limits import LIMITS as CLUSTER_LIMITS
from gpupipe.engines.dask_cuda.clusters import Device, devices_of, least_share, local_cuda_cluster
from gpupipe.engines.dask_cuda.limits import LIMITS


class DaskCudaEngine(DaskEngine):
    """Dask: many workers, each with engine ``gpu``."""

    name: ClassVar[str] = "dask-cuda"
    blocks: ClassVar[str] = "gpu"
    block_range: ClassVar[tuple[int, int]] = (64 << 20, 2 << 30)
    tasks_in: ClassVar[tuple[str, ...]] = ("gpupipe.engines.dask_cuda.tasks",)  # the others are done on one worker
    works_by_blocks: ClassVar[bool] = False  # what is merged would have to come home from the devices: not tried on any
    limits = (*LIMITS, *CLUSTER_LIMITS, *BLOCK_LIMITS)

    def __init__(self, options: EngineOptions | None = None) -> None:
        super().__init__(options)
        self.devices: Mapping[str, Device] = {}

    def _opened(self, options: EngineOptions) -> OpenCluster:
        """Return the cluster that the options name, all of whose workers have a GPU."""
        opened = open_cluster(options, local_cuda_cluster)
        try:
            self.devices = devices_of(opened.client)
        except Exception:
            opened.close()
            raise
        return opened

    @property
    def memory(self) -> tuple[int, int]:
        """The least device memory that a worker may use, and how many workers there are."""
        n_workers = len(self.cluster.client.scheduler_info(n_workers=-1)["workers"])
        least = least_share(self.devices)
        return min(least, self.options.pool_bytes or least), max(1, n_workers)

    @property
    def block_options(self) -> EngineOptions:
        """What the workers' block engines are told of the options."""
        given = self.options
        return EngineOptions(
            crossings=given.crossings, crossings_budget=given.crossings_budget, fallbacks=given.fallbacks, pool_bytes=given.pool_bytes
        )

    def read(self, source: Source, reading: Reading, schema: Schema) -> Blocks:
        """Return what is needed of the source, in blocks that the workers will read onto their devices."""
        device_schema(Schema(tuple((name, schema[name]) for name in reading.columns)))
        return DaskEngine.read(self, source, reading, schema)
