"""What each error means, what brings it about and what to do: what ``gpupipe explain`` tells, and docs/errors.md.

An error's code is the name of its class, which stands before every message; it does not change from version to version.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gpupipe.core import errors
from gpupipe.core.errors import GpupipeError, PlanError, UsageError


@dataclass(frozen=True)
class Account:
    """What is to be said of an error.

    Parameters
    ----------
    found
        When it is found.
    causes, ways
        What brings it about, most common first, and what to do of each.
    """

    kind: type[GpupipeError]
    found: str
    causes: tuple[tuple[str, str], ...]

    @property
    def code(self) -> str:
        """The name that stands before the message."""
        return self.kind.__name__

    @property
    def means(self) -> str:
        """What it means, in a sentence."""
        return " ".join((self.kind.__doc__ or "").partition("\n\n")[0].split())

    @property
    def exit_code(self) -> int:
        """What a command ends with."""
        return 2 if issubclass(self.kind, UsageError | PlanError) else 1


ACCOUNTS = (
    Account(
        errors.UsageError,
        "when a stage is made, a pipeline file is loaded, or a command is called",
        (
            (
                "an option, metric, engine or parameter is misspelled",
                "take the name that the message offers; `gpupipe run FILE --help` lists parameters",
            ),
            ("the pipeline file itself raised an error", "its lines are below the message; `--traceback` shows the rest"),
            ("an expression of Polars or pandas where narwhals' is expected", "`import narwhals.stable.v2 as nw` and `nw.col(...)`"),
        ),
    ),
    Account(
        errors.WiringError,
        "when stages are called on nodes",
        (
            (
                "a plain frame was given where a table of a pipeline is expected",
                "`gp.FromFrame(frame).node()`, or `stage.apply(frame)` without a pipeline",
            ),
            ("a stage that must be fitted was called", "`fitted = gp.Standardize(...).fit(train)`, then `fitted(table)`"),
            ("a source was used without its node", "`gp.ReadCsv(...).node()`"),
        ),
    ),
    Account(
        errors.PlanError,
        "by `check`, `plan` and at the start of `run`, before a row is read",
        (
            (
                "a stage does not accept the columns that reach it",
                "`gpupipe plan FILE --html plan.html` shows the columns after every stage",
            ),
        ),
    ),
    Account(
        errors.ColumnError,
        "as PlanError",
        (
            (
                "a column is misspelled, or an earlier stage has dropped or renamed it",
                "the message lists what is there; the notes name the line that wired it",
            ),
            ("two tables bring a column of the same name", "`gp.Join(..., suffix=('_left', '_right'))`, or `gp.Rename`"),
            ("'prediction' or 'probability' is not there", "apply the model first: `model(table)`, `model.predict_proba(table)`"),
        ),
    ),
    Account(
        errors.DtypeError,
        "as PlanError",
        (
            ("keys of a join have different dtypes", "`gp.Cast({'key': nw.String})` on one side"),
            ("text or dates where a model needs numbers", "`gp.EncodeCategory`, `gp.OneHot`, or leave the column out of `features`"),
            ("a file's column was guessed otherwise than meant", "declare it: `gp.ReadCsv(path, dtypes={'zip': nw.String})`"),
        ),
    ),
    Account(
        errors.SourceError,
        "when a source's columns are looked up, or its rows are read",
        (
            ("there is no such file", "paths are relative to the folder that the command runs in; the message lists what is there"),
            (
                "a row does not fit the schema",
                "the message has file, row and field; `docs/text-files.md` has the options, `quarantine=` puts such rows aside",
            ),
            ("a database or a store cannot be reached", "try the address with its own client first"),
        ),
    ),
    Account(
        errors.SinkError,
        "when an output is opened or put in place",
        (
            (
                "the folder is not ours to replace",
                "a folder is replaced only where gpupipe wrote all of it; give another path, or remove it yourself",
            ),
            ("no permission, or no space", "outputs are written beside their place first, so the disk needs room for old and new"),
        ),
    ),
    Account(
        errors.StageError,
        "while rows go through a stage",
        (
            (
                "rows break what a stage was promised, such as `validate='m:1'` or `gp.Expect`",
                "the message has the rule and how many rows break it",
            ),
            ("a function of yours raised", "`stage.apply(frame)` tries it on a small frame, without any pipeline"),
        ),
    ),
    Account(
        errors.CrossingError,
        "while a run on a GPU goes on",
        (
            (
                "a stage moves rows between host and device",
                "the report's section 'Host and device' names it; `--crossings-budget 10MB`, or `--crossings warn`",
            ),
        ),
    ),
    Account(
        errors.ClusterError,
        "when a cluster is opened, or lost",
        (
            (
                "no scheduler or worker answers",
                "is its address right, and is it up? `--worker-seconds 600` waits for a queue; `docs/clusters.md`",
            ),
            ("workers have other versions", "install the same constraints on all of them"),
            ("a worker ran out of memory", "smaller blocks, more workers, `--checkpoints DIR` and `--resume`"),
        ),
    ),
    Account(
        errors.UnsupportedError,
        "before a row is read, by the plan held to the engine's limits",
        (
            (
                "the engine cannot do it, or would answer otherwise than `cpu`",
                "`gpupipe check FILE --engine all` lists it with what to write instead; `docs/engines.md`",
            ),
            ("another answer would do", "`--allow-differences`"),
        ),
    ),
    Account(
        errors.MissingExtraError,
        "when something optional is first needed",
        (("a package is not installed", "the message has the command; `gpupipe doctor` shows all of them"),),
    ),
    Account(
        errors.ArtefactError,
        "when a fitted thing, a checkpoint or a report is saved or loaded",
        (
            ("the file is damaged, or something else", "save it again"),
            ("a function in it has changed since", "the message names it; load it where that code is as it was, or fit again"),
            ("an estimator of a library that is not trusted", "`docs/security.md` has what is loaded, and what never is"),
        ),
    ),
)


def described(accounts: tuple[Account, ...] = ACCOUNTS) -> Iterator[str]:
    """Yield the lines of docs/errors.md."""
    yield "# Errors, and what to do"
    yield ""
    yield "Every message begins with the name of its error, which is its code: `gpupipe explain ColumnError` tells what is below."
    yield "All of them are `gpupipe.GpupipeError`. This page is made by `gpupipe explain --markdown`."
    for account in accounts:
        yield ""
        yield f"## {account.code}"
        yield ""
        yield f"{account.means} Found {account.found}. A command ends with exit code {account.exit_code}."
        yield ""
        yield "| where | what to do |"
        yield "|---|---|"
        for cause, way in account.causes:
            yield f"| {cause} | {way} |"
