"""``gpupipe check``: whether a pipeline is sound, before anything is read."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import File, Given, Trace
from gpupipe.cli.streams import loading, stdout_to_stderr
from gpupipe.core.secret import masked
from gpupipe.core.visible import visible


def check(
    file: File,
    given: Given = None,
    engine: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="Also tell what this engine, or all, cannot do or would answer otherwise."),
    ] = None,
    traceback: Trace = False,
) -> None:
    """Check a pipeline's columns and dtypes end to end, without reading a row.

    Nothing is read but the sources' schemas. Exit code 0: sound; 2: the call or the plan is wrong, or an engine that is asked about cannot
    run it or would answer otherwise; 1: a source is not there.

    Example: gpupipe check flow.py -p data=rows.parquet --engine all
    """
    with reported(with_traceback=traceback):
        with stdout_to_stderr(), loading(file):
            from gpupipe.definition import load_definition  # local: loads a dataframe library, which --help does without

            definition = load_definition(file)
            pipeline = definition.build(definition.values(given or []))
            plan = pipeline.plan()
        n_sources = sum(step.stage.kind == "source" for step in plan.steps)
        counts = [_count(n_sources, "source"), _count(len(plan.steps), "stage"), _count(len(plan.outputs), "output")]
        if engine is not None:
            _tell_differences(plan, engine)
        typer.echo(f"ok: {visible(masked(plan.name))} ({', '.join(counts)})")


def _tell_differences(plan: Any, engine: str) -> None:
    """Print what of a plan an engine, or each of all, cannot do or would answer otherwise; where there is something, exit with 2."""
    from gpupipe.engines.load import known_engine  # local: as above
    from gpupipe.portability import ENGINES, findings  # local: as above

    found = [(name, one) for name in (ENGINES if engine == "all" else [known_engine(engine, ("all",))]) for one in findings(plan, name)]
    for name, one in found:
        typer.echo(
            f"engine {name}, {visible(one.step.node.title)} at {visible(one.step.node.where)}: {visible(masked(str(one)))}", err=True
        )
    if found:
        raise typer.Exit(2)


def _count(number: int, word: str) -> str:
    """Return a number and its noun."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
