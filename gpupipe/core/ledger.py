"""The ledger: what crossed between host and device, by stage, and how a run is held to a budget of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from gpupipe.core.errors import CrossingError

Direction = Literal["host_to_device", "device_to_host", "host_copy"]


class CrossingWarning(UserWarning):
    """More bytes crossed between ingest and sinks than the run's budget."""


@dataclass(frozen=True)
class Copied:
    """One copy that the driver made."""

    direction: str
    n_bytes: int


@dataclass
class Ledger:
    """Counts what crossed between host and device, and what was copied on the host, by stage; and holds a run to its budget.

    Parameters
    ----------
    policy, budget
        See `gpupipe.core.engine.EngineOptions`. Copies within the host count as crossings, since a device would have to make them.
    copied
        Returns what the driver copied since it was last asked, where a run is confirmed.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    fallbacks: list[dict[str, Any]] = field(default_factory=list)
    stage: int | None = None
    policy: Literal["allow", "warn", "raise"] = "allow"
    budget: int = 0
    copied: Callable[[], Sequence[Copied]] | None = None
    confirmed: dict[int | None, dict[str, int]] = field(default_factory=dict)

    def turn_to(self, stage: int | None) -> None:
        """Enter from now on what this stage moves; what the driver says that the last one moved is put down first."""
        for copy in () if self.copied is None else self.copied():
            entry = self.confirmed.setdefault(self.stage, {"host_to_device": 0, "device_to_host": 0, "copies": 0, "largest": 0})
            entry[copy.direction] += copy.n_bytes
            entry["copies"] += 1
            entry["largest"] = max(entry["largest"], copy.n_bytes)
        self.stage = stage

    def cross(self, direction: Direction, n_bytes: int, seconds: float, reason: str, *, at_end: bool = False) -> None:
        """Enter one crossing of the stage at work.

        Parameters
        ----------
        at_end
            Whether it brings a source's rows in, or takes the rows of a sink or an output out.

        Raises
        ------
        CrossingError
            Where the policy is to raise, and the budget is spent.
        """
        event = {"stage": self.stage, "direction": direction, "bytes": n_bytes, "seconds": seconds, "reason": reason, "at_end": at_end}
        self.events.append(event)
        if self.policy == "allow" or at_end or n_bytes == 0 or self.counted() <= self.budget:
            return
        msg = (
            f"Expected at most {self.budget:,} bytes to cross between ingest and sinks, got {self.counted():,} with the last {n_bytes:,} "
            f"({direction.replace('_', ' ')}: {reason}). Raise the budget, allow crossings, or see docs/install-gpu.md, "
            "'Why did this stage cross?'."
        )
        if self.policy == "raise":
            raise CrossingError(msg)
        warnings.warn(CrossingWarning(msg), stacklevel=2)

    def fall_back(self, reason: str) -> None:
        """Enter that the stage at work does on the host what the engine cannot do on its device."""
        entry = {"stage": self.stage, "reason": reason}
        if entry not in self.fallbacks:
            self.fallbacks.append(entry)

    def counted(self) -> int:
        """Return the bytes that crossed between ingest and sinks."""
        return sum(event["bytes"] for event in self.events if not event["at_end"])

    def as_json(self) -> dict[str, Any]:
        """Return the totals by direction, and every event."""
        totals = {"host_to_device": 0, "device_to_host": 0, "host_copy": 0}
        for event in self.events:
            totals[event["direction"]] += event["bytes"]
        return {
            "host_to_device_bytes": totals["host_to_device"],
            "device_to_host_bytes": totals["device_to_host"],
            "host_copies_bytes": totals["host_copy"],
            "between_ends_bytes": self.counted(),
            "policy": self.policy,
            "budget_bytes": self.budget,
            "events": list(self.events),
            "confirmed": None if self.copied is None else [{"stage": stage, **entry} for stage, entry in self.confirmed.items()],
        }
