"""The device's memory: one pool for cuDF, CuPy and PyTorch, spilling of cuDF's frames to the host, and what is done when it is short.

cuML allocates through RMM as cuDF does. XGBoost joins the pool only where it was built with RMM, which the wheels are not: it asks the
driver, so it needs memory that the pool has given back. Managed memory is never used: its page faults cost more than they save.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import cudf
import cupy as cp
import rmm
from cudf.core.buffer.spill_manager import get_global_manager
from rmm.allocators.cupy import rmm_cupy_allocator

from gpupipe.engines._retry import Memory, is_memory_error

_TOLD = ("out_of_memory", "bad_alloc", "cudaErrorMemoryAllocation", "out of memory")


def set_up_pool(limit: int | None) -> None:
    """Make all libraries of this process take device memory from one pool, once; a run with another limit makes another pool.

    Parameters
    ----------
    limit
        How many bytes may be taken in all; what the device has unless given.
    """
    if _Pool.limit == (limit,):
        return
    resource: Any = rmm.mr.CudaAsyncMemoryResource()
    if limit is not None:
        resource = rmm.mr.LimitingResourceAdaptor(resource, limit)
        _Pool.limiting = resource
    rmm.mr.set_current_device_resource(rmm.mr.StatisticsResourceAdaptor(resource))
    cp.cuda.set_allocator(rmm_cupy_allocator)
    if "torch" in sys.modules:
        _share_with_torch()
    cudf.set_option("spill", True)
    get_global_manager()  # takes the option, and has the pool ask it to spill when it runs short
    _Pool.limit = (limit,)


class _Pool:
    """What this process' pool was made with."""

    limit: tuple[int | None] | None = None
    limiting: Any = None


def _share_with_torch() -> None:
    """Make PyTorch take its memory from the pool, where it has not taken any yet."""
    torch = import_module("torch")
    allocators = import_module("rmm.allocators.torch")
    if allocators.rmm_torch_allocator is not None and not torch.cuda.is_initialized():
        torch.cuda.memory.change_current_allocator(allocators.rmm_torch_allocator)


def make_room() -> int:
    """Spill every frame that nobody works on to the host, and return how many bytes that freed."""
    cp.get_default_memory_pool().free_all_blocks()
    manager = get_global_manager()
    return 0 if manager is None else int(manager.spill_device_memory(nbytes=1 << 62))


def available_bytes() -> int | None:
    """Return the free bytes of the device, or of the pool's limit where that is less."""
    free = int(rmm.mr.available_device_memory()[0])
    if _Pool.limiting is None:
        return free
    return min(free, int(_Pool.limiting.get_allocation_limit() - _Pool.limiting.get_allocated_bytes()))


def is_short(error: BaseException) -> bool:
    """Whether an error of any library says that device memory is short."""
    return is_memory_error(error) or any(word in str(error) for word in _TOLD)


DEVICE_MEMORY = Memory(is_short, make_room, available_bytes)


@contextmanager
def stage_range(name: str) -> Iterator[None]:
    """Show a stage as a range in NVIDIA's profilers, where NVTX is installed."""
    if find_spec("nvtx") is None:
        yield
        return
    nvtx = import_module("nvtx")
    with nvtx.annotate(message=name, domain="gpupipe"):
        yield
