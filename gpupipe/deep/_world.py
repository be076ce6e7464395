"""The processes that train one network together, of torch.distributed; mostly one, alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.distributed
from torch import nn


@dataclass(frozen=True)
class World:
    """Which of how many processes this is."""

    rank: int = 0
    size: int = 1

    @classmethod
    def now(cls) -> World:
        """Return the process group that there is; else this process alone."""
        if not torch.distributed.is_available() or not torch.distributed.is_initialized():
            return cls()
        return cls(torch.distributed.get_rank(), torch.distributed.get_world_size())

    def parallel(self, network: nn.Module, device: torch.device) -> nn.Module:
        """Return the network as all processes train it; gradients are their mean."""
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)

    def share(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return this process' part of a batch; the last processes may have none of a short one."""
        return numbers[self.rank :: self.size]

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sums over all processes."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
        return values
