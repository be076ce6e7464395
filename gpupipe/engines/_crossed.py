"""What crossed in this process, a worker's, by run: each block's ledger is emptied into the run's, which the report takes at the end."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.core.engine import EngineOptions
from gpupipe.core.ledger import Ledger

_LEDGERS: dict[str, Ledger] = {}
_LOCK = threading.Lock()
_ALIKE = ("stage", "direction", "reason", "at_end")


def enter(run: str, step: int | None, ledger: Ledger, options: EngineOptions) -> None:
    """Move what a block's work entered to its run; what crossed at one step for one reason is added up.

    Raises
    ------
    CrossingError
        The policy is to raise, and more than the run's whole budget has crossed in this one process.
    """
    events, ledger.events = ledger.events, []
    fallbacks, ledger.fallbacks = ledger.fallbacks, []
    if not events and not fallbacks:
        return
    with _LOCK:
        kept = _LEDGERS.setdefault(run, Ledger(policy=options.crossings, budget=options.crossings_budget))
        kept.stage = step
        for entry in fallbacks:
            kept.fall_back(entry["reason"])
        for event in events:
            kept.cross(event["direction"], event["bytes"], event["seconds"], event["reason"], at_end=event["at_end"])
            _fold(kept.events)


def _fold(events: list[dict[str, Any]]) -> None:
    """Add the last event to an earlier one of its kind, where there is one."""
    last = events[-1]
    for event in events[:-1]:
        if all(event[name] == last[name] for name in _ALIKE):
            event["bytes"] += last["bytes"]
            event["seconds"] += last["seconds"]
            events.pop()
            return


def take_crossed(run: str) -> dict[str, list[dict[str, Any]]]:
    """Return what crossed in this process in a run, and its fallbacks, and forget them."""
    with _LOCK:
        found = _LEDGERS.pop(run, None) or Ledger()
    return {"events": found.events, "fallbacks": found.fallbacks}


def take_over(ledger: Ledger, told: Sequence[Mapping[str, Any]]) -> None:
    """Enter in a run's ledger what its workers told of theirs; the budget has been looked at by each of them."""
    for one in told:
        for event in one["events"]:
            ledger.events.append(dict(event))
            _fold(ledger.events)
        ledger.fallbacks += [entry for entry in one["fallbacks"] if entry not in ledger.fallbacks]
