"""Every error gpupipe raises, in one tree.

::

    GpupipeError
    ├── UsageError            the call is wrong: a misspelled option, an unknown engine
    │   └── WiringError       nodes are joined in a way that cannot work: a cycle, a wrong kind of node
    ├── PlanError             the pipeline cannot run on these schemas; found before a row is read
    │   ├── ColumnError       a column that is not there
    │   └── DtypeError        a column of a dtype the stage cannot take
    ├── SourceError           an input cannot be read: no file, a broken file, a bad row
    ├── SinkError             an output cannot be written: no permission, no space
    ├── StageError            a stage failed on the rows it got
    ├── CrossingError         more bytes crossed between host and device than the run allows
    ├── ClusterError          a cluster cannot be reached or used: no worker, other versions, no encryption
    ├── UnsupportedError      this engine cannot do it; says whose it is and what to do
    ├── MissingExtraError     an optional package is not installed
    └── ArtefactError         a saved model or stage cannot be saved or loaded

A message says what was expected, what came, and what to do. ``UsageError`` and ``PlanError`` end a command with exit code 2,
all others with 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from gpupipe.core.extras import pip_install
from gpupipe.core.secret import masked


def _alone(text: object) -> object:
    r"""Return a message without the expression that Polars writes below an error of ours that comes through one of its queries.

    Examples
    --------
    >>> _alone("not so\n\nThis error occurred in the following expression:\n\tcol(a)")
    'not so'
    """
    return text.partition("\n\nThis error occurred in the following expression")[0] if isinstance(text, str) else text


class GpupipeError(Exception):
    """The root of gpupipe's errors: ``except GpupipeError`` catches them all. What it says, and its notes, are without secrets."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(masked(_alone(text)) for text in args))

    def add_note(self, note: str, /) -> None:
        """Add a line to what is told."""
        super().add_note(masked(note))


class UsageError(GpupipeError):
    """The call is wrong."""


class WiringError(UsageError):
    """Nodes are joined in a way that cannot work."""


class PlanError(GpupipeError):
    """The pipeline cannot run on the schemas of its sources."""


class ColumnError(PlanError):
    """A column is not there; `missing` is its name, where there is one."""

    missing: str | None = None

    @classmethod
    def of(cls, missing: str, known: Iterable[str]) -> ColumnError:
        """Return the error for a column that is not among the known ones, naming the nearest."""
        names = list(known)
        error = cls(f"There is no column {missing!r}.{nearest(missing, names)} The columns are {listing(names)}.")
        error.missing = missing
        return error


class DtypeError(PlanError):
    """A column has a dtype the stage cannot take."""


class SourceError(GpupipeError):
    """An input cannot be read."""


class SinkError(GpupipeError):
    """An output cannot be written: `target` is what its sink replaces, and `step` the sink's in the plan, where they are known."""

    target: str | None = None
    step: int | None = None


class StageError(GpupipeError):
    """A stage failed on the rows it got."""


class CrossingError(GpupipeError):
    """More bytes crossed between host and device than the run allows."""


class ClusterError(GpupipeError):
    """A cluster cannot be reached or used."""


class UnsupportedError(GpupipeError):
    """The engine cannot do this."""


class MissingExtraError(GpupipeError):
    """An optional package is not installed."""

    @classmethod
    def of(cls, needs: str, *extras: str) -> MissingExtraError:
        """Return the error for what needs a package of an extra, with the command that installs it.

        Examples
        --------
        >>> str(MissingExtraError.of("Method 'optuna' needs Optuna", "tune"))
        "Method 'optuna' needs Optuna, which is not installed (extra 'tune'). Run: pip install 'optuna>=4.4'"
        """
        named = f"extra{'s' if len(extras) > 1 else ''} {listing(extras)}"
        return cls(f"{needs}, which is not installed ({named}). Run: {pip_install(*extras)}")


class ArtefactError(GpupipeError):
    """A saved part cannot be saved or loaded."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the known name closest to `name`, or an empty string.

    Examples
    --------
    >>> nearest("loan_idd", ["loan_id", "month"])
    " Did you mean 'loan_id'?"
    >>> nearest("sep", ["schema", "separator"])  # a part of the name, from its beginning
    " Did you mean 'separator'?"
    >>> nearest("zzz", ["loan_id"])
    ''
    """
    known = [str(candidate) for candidate in names]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not close:  # a difference in case alone scores low for short names
        close = [candidate for candidate in known if candidate.lower() == name.lower()]
    if not close and len(name) > 2:
        close = [candidate for candidate in known if candidate.startswith(name)]
    return f" Did you mean {close[0]!r}?" if close else ""


def listing(names: Iterable[str], *, limit: int = 20) -> str:
    """Return the names as a readable list, cut after `limit`.

    Examples
    --------
    >>> listing(["a", "b"])
    "'a', 'b'"
    >>> listing(map(str, range(30)), limit=2)
    "'0', '1' and 28 more"
    """
    known = list(names)
    shown = ", ".join(repr(name) for name in known[:limit])
    return shown if len(known) <= limit else f"{shown} and {len(known) - limit} more"
