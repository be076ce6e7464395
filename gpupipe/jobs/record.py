"""What is known of a job: a value that travels between client, scheduler and worker as plain JSON."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gpupipe.core.secret import learn_parameters, masked, masked_word

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED, LOST = "queued", "running", "succeeded", "failed", "cancelled", "lost"
ENDED = (SUCCEEDED, FAILED, CANCELLED, LOST)
KEY_PREFIX = "gpupipe-job-"


@dataclass(frozen=True)
class Job:
    """One pipeline that was sent to a cluster.

    Parameters
    ----------
    target
        The file, relative to what was shipped, and the function where one was named.
    words
        What the run command gets beside the file: parameters, engine and options.
    secret
        The names of the parameters that nobody is to see.
    workdir
        The folder on the worker's machine that relative paths start at; the job's own where None.
    checkpoints
        Where results are kept as they are made, so that another attempt takes them.
    resume
        Whether the first attempt takes what is kept there, too.
    state
        ``queued``, ``running``, ``succeeded``, ``failed``, ``cancelled``, or ``lost``: nobody knows any more how it ended.
    attempt
        How often it was started: more than once where its worker was lost.
    """

    id: str
    target: str
    engine: str
    words: tuple[str, ...] = ()
    workdir: str | None = None
    checkpoints: str | None = None
    resume: bool = False
    submitted_by: str = ""
    submitted_at: float = 0.0
    state: str = QUEUED
    attempt: int = 0
    worker: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None
    message: str = ""
    cancelling: bool = False
    n_lines: int = 0
    archive_bytes: int = 0
    secret: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ENDED

    @property
    def key(self) -> str:
        """The name of the job's task in Dask."""
        return KEY_PREFIX + self.id

    @property
    def seconds(self) -> float | None:
        """How long it has been running, or has run."""
        return None if self.started_at is None else (self.ended_at or time.time()) - self.started_at

    def as_json(self) -> dict[str, Any]:
        """Return the plain values."""
        return asdict(self) | {"words": list(self.words), "secret": list(self.secret)}

    def told(self) -> dict[str, Any]:
        """Return the plain values as anybody may see them: without what is secret.

        Examples
        --------
        >>> Job("flow-1", "flow.py", "cpu", ("-p", "password=x", "-p", "n=1")).told()["words"]
        ['-p', 'password=***', '-p', 'n=1']
        """
        words = [masked_word(word, self.secret) for word in self.words]
        return self.as_json() | {"words": words, "message": masked(self.message), "checkpoints": masked(self.checkpoints)}

    def hide_secrets(self) -> None:
        """Mask the job's secrets from now on in whatever is told of it here."""
        for word in self.words:
            name, equals, value = word.partition("=")
            if equals:
                learn_parameters({name: value}, self.secret)

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> Job:
        """Return the job that plain values tell of; what another release added is left out.

        Examples
        --------
        >>> job = Job("flow-1", "flow.py", "cpu", ("-p", "n=1"))
        >>> Job.of_json(job.as_json() | {"later": 1}) == job
        True
        """
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {name: value for name, value in plain.items() if name in known}
        values |= {name: tuple(values[name]) for name in ("words", "secret") if name in values}
        return cls(**values)


def new_id(file: str) -> str:
    """Return an id that nobody has: the file's name, and enough chance."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(file).stem).strip("-").lower()[:24] or "job"
    return f"{stem}-{secrets.token_hex(4)}"
