"""From the words of a call to a job that can be handed in: checked here as far as that is possible, and packed."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpupipe.core.errors import SourceError, UsageError, listing, nearest
from gpupipe.definition import DEFAULT_FUNCTION, Definition, load_definition
from gpupipe.engines.load import ADDRESSES
from gpupipe.jobs.bundle import needed_files, pack
from gpupipe.jobs.record import Job, new_id

AUTO = "dask"  # the engine of a pipeline that is sent to a cluster


@dataclass(frozen=True)
class Submission:
    """A job that nobody has yet.

    Parameters
    ----------
    shipped
        The files that go with it, relative to the pipeline file's folder.
    notes
        What the caller should know.
    """

    job: Job
    bundle: bytes
    shipped: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SubmitOptions:
    """What was asked for on the command line, beside the pipeline and its parameters.

    Parameters
    ----------
    include
        More files and folders to ship.
    check
        Whether the plan is checked here.
    """

    engine: str = "dask"
    include: tuple[Path, ...] = ()
    workdir: str | None = None
    checkpoints: str | None = None
    resume: bool = False
    check: bool = True


def prepare(target: str, given: Sequence[str], asked: SubmitOptions) -> Submission:
    """Return the job for a call, with its files.

    Raises
    ------
    UsageError
        The file, its parameters or the engine are wrong, or too much would be shipped.
    PlanError
        The pipeline is wrong; that a source is not here is a note, and no error.
    """
    _check_asked(asked)
    definition = load_definition(target)
    secret = tuple(parameter.name for parameter in definition.parameters if parameter.secret)
    notes = _check(definition, given) if asked.check else ["the plan was not checked here"]
    notes += _relative(given) if asked.workdir is None else []
    needed = needed_files(definition.path, asked.include)
    shipped, notes = needed.names, [*notes, *needed.notes]
    bundle = pack(definition.path.resolve().parent, shipped)
    name = definition.function.__name__ if target.endswith(f":{definition.function.__name__}") else DEFAULT_FUNCTION
    job = Job(
        new_id(definition.path.name),
        definition.path.name if name == DEFAULT_FUNCTION else f"{definition.path.name}:{name}",
        AUTO if asked.engine == "auto" else asked.engine,
        tuple(word for one in given for word in ("-p", one)),
        asked.workdir,
        asked.checkpoints,
        asked.resume,
        f"{getpass.getuser()}@{socket.gethostname()}",
        secret=secret,
    )
    return Submission(job, bundle, shipped, tuple(notes))


def _check_asked(asked: SubmitOptions) -> None:
    """Raise where something asked for makes no sense."""
    if asked.engine not in ("auto", *ADDRESSES):
        msg = f"There is no engine {asked.engine!r} to submit to.{nearest(asked.engine, ADDRESSES)} The engines are {listing(ADDRESSES)}."
        raise UsageError(msg)
    for option, value in (("--workdir", asked.workdir), ("--checkpoints", asked.checkpoints)):
        if value is not None and not Path(value).is_absolute() and not (option == "--checkpoints" and "://" in value):
            msg = f"{option} is a place that the workers' machines see, so it expects an absolute path, got {value!r}."
            raise UsageError(msg)
    if asked.resume and asked.checkpoints is None:
        msg = "--resume takes results from where they are kept: name it with --checkpoints, as in the job that is to be continued."
        raise UsageError(msg)


def _check(definition: Definition, given: Sequence[str]) -> list[str]:
    """Return what of the pipeline could not be checked here; what could be, and is wrong, is raised."""
    try:
        definition.build(definition.values(given)).plan()
    except SourceError as error:
        return [f"the plan could not be checked here, and will be over there: {error}"]
    return []


def _relative(given: Sequence[str]) -> list[str]:
    """Return a note for each parameter that is a path from the folder of this call: over there it is from another one."""
    notes = []
    for one in given:
        name, _, value = one.partition("=")
        if value and not Path(value).is_absolute() and Path(value).exists():
            notes.append(
                f"{name}={value} is a path from this folder; over there it is one from the job's own. Give an absolute path, or --workdir"
            )
    return notes
