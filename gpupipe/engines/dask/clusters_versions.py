"""Whether client, scheduler and workers have the same gpupipe, Python and libraries: asked before anything else is run there."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TypeAlias

import cloudpickle
import distributed

from gpupipe.core.errors import ClusterError

Versions: TypeAlias = Mapping[str, str | None]

# What has to be the same: each of these is in what travels, or decides what comes out.
NAMES = ("gpupipe", "python", "dask", "distributed", "cloudpickle", "pandas", "pyarrow", "narwhals", "numpy", "polars")
ANSWER_SECONDS = 30.0


def versions_here() -> dict[str, str | None]:
    """Return the version of each library in this process; gpupipe's own is that of the code, since a folder may stand in for a package."""
    # The function goes to the cluster by its text, for gpupipe may be missing there: so it imports what it needs itself.
    import importlib.metadata  # local: see above
    import sys  # local: see above

    found: dict[str, str | None] = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    try:
        import gpupipe  # local: see above

        found["gpupipe"] = gpupipe.__version__
    except ImportError:
        found["gpupipe"] = None
    for name in ("dask", "distributed", "cloudpickle", "pandas", "pyarrow", "narwhals", "numpy", "polars"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def check_versions(client: distributed.Client, *, workers: bool = True) -> None:
    """Ask the scheduler, and every worker unless told otherwise, what they have, and compare it with what is here.

    Raises
    ------
    ClusterError
        With who has what, or who does not answer.
    """

    async def ask() -> tuple[Any, dict[str, Any]]:
        of_scheduler = await client.run_on_scheduler(versions_here)
        return of_scheduler, await client.run(versions_here, on_error="return") if workers else {}

    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    try:
        scheduler, asked = client.sync(ask, callback_timeout=ANSWER_SECONDS)
    except (TimeoutError, OSError) as error:
        msg = f"The cluster did not say within {ANSWER_SECONDS:g} s which versions it has: {str(error) or type(error).__name__}. "
        raise ClusterError(f"{msg}Look whether all its workers are alive.") from error
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    wrong = differences(versions_here(), {"the scheduler": scheduler, **{f"worker {name}": found for name, found in asked.items()}})
    if wrong:
        told = "\n".join(f"  {line}" for line in wrong)
        msg = f"The cluster does not have the versions that are here:\n{told}\nInstall the same ones everywhere, for example from "
        raise ClusterError(f"{msg}constraints.txt, and start scheduler and workers again.")


def differences(here: Versions, there: Mapping[str, Versions | BaseException]) -> list[str]:
    """Return a line for each library that is not the same everywhere, with who has what; those who have the same are put together.

    Examples
    --------
    >>> differences({"numpy": "2.4"}, {"the scheduler": {"numpy": "2.4"}, "worker a": {"numpy": "2.3"}, "worker b": {"numpy": None}})
    ['numpy: here 2.4; worker a has 2.3; worker b has none']
    """
    lines = [f"{who} did not answer: {found}" for who, found in there.items() if isinstance(found, BaseException)]
    for name in NAMES:
        if name not in here:
            continue
        got: dict[str | None, list[str]] = {}
        for who, found in there.items():
            if not isinstance(found, BaseException) and found.get(name) != here[name]:
                got.setdefault(found.get(name), []).append(who)
        if got:
            told = [f"{_joined(who)} {'has' if len(who) == 1 else 'have'} {version or 'none'}" for version, who in got.items()]
            lines.append("; ".join([f"{name}: here {here[name] or 'none'}", *told]))
    return lines


def _joined(who: list[str], limit: int = 3) -> str:
    """Return the first of some names, and how many more there are."""
    return ", ".join(who) if len(who) <= limit else f"{', '.join(who[:limit])} and {len(who) - limit} more"
