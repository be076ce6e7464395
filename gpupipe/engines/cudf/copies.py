"""What the driver itself copied between host and device, by CUPTI's records; to hold the ledger to.

The ledger knows what gpupipe moves. What a library moves by itself, only the driver knows. CUPTI writes a record of every copy, with its
direction and its bytes; single numbers that libraries look at (a row count, whether a column has nulls) are among them.

Source: CUPTI's Activity API, `CUPTI_ACTIVITY_KIND_MEMCPY`, through the package ``cupti-python``.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import cupy as cp

from gpupipe.core.errors import MissingExtraError
from gpupipe.core.ledger import Copied

_BUFFER_BYTES = 8 << 20
_DIRECTIONS = {"HTOD": "host_to_device", "DTOH": "device_to_host"}  # PTOP is between devices, DTOD within one


class _Records:
    """The records of this process since they were last taken; CUPTI has one set of callbacks a process."""

    found: list[Copied] = []  # noqa: RUF012  (shared by all, as CUPTI's callbacks are)
    watched = False


def watch_copies() -> None:
    """Have the driver record its copies from now on.

    Raises
    ------
    MissingExtraError
        ``cupti-python`` is not installed, or does not fit the driver.
    """
    if _Records.watched:
        taken_copies()
        return
    if find_spec("cupti") is None:
        advice = "Install the version of your CUDA, as pip install 'cupti-python==13.0.*'."
        msg = f"Crossings are confirmed by CUPTI's records, and cupti-python is not installed. {advice}"
        raise MissingExtraError(msg)
    cupti: Any = import_module("cupti.cupti")

    def requested() -> tuple[int, int]:
        return _BUFFER_BYTES, 0

    def completed(activities: Sequence[Any]) -> None:
        for activity in activities:
            direction = _DIRECTIONS.get(cupti.ActivityMemcpyKind(activity.copy_kind).name)
            if direction is not None:
                _Records.found.append(Copied(direction, int(activity.bytes)))

    try:
        cupti.activity_register_callbacks(requested, completed)
        cupti.activity_enable(cupti.ActivityKind.MEMCPY)
    except cupti.cuptiError as error:
        msg = f"CUPTI does not start: {error}. Another profiler may hold it, or cupti-python is not of the driver's CUDA version."
        raise MissingExtraError(msg) from error
    _Records.watched = True


def taken_copies() -> list[Copied]:
    """Return the copies since the last call; all work asked of the device is done first."""
    cp.cuda.Device().synchronize()
    import_module("cupti.cupti").activity_flush_all(1)
    found, _Records.found[:] = list(_Records.found), []
    return found
