"""``gpupipe rounds``: repeats a pipeline that asks for labels, with answers from a column, and compares strategies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import File, Given, Trace
from gpupipe.cli.streams import loading, stdout_to_stderr
from gpupipe.core.plain_json import json_text
from gpupipe.core.visible import visible
from gpupipe.core.whole_files import make_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Until: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--until", metavar="RULE", show_default=False, help="When to stop: budget=N, metric=X, rounds=N, slope=X, stable, ..."),
]
Strategies: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy", metavar="NAME", show_default=False, help="A value of the pipeline's parameter 'strategy'; 'random' is always beside."
    ),
]


def rounds(
    file: File,
    oracle: Annotated[str, typer.Option("--oracle", metavar="COLUMN", help="The column of true labels, which answers.")],
    given: Given = None,
    until: Until = None,
    strategy: Strategies = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How often each strategy is repeated, with seeds 0, 1, ...")] = 3,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where stores, curves and the report go; a killed call goes on.")
    ] = Path("rounds"),
    metric: Annotated[str | None, typer.Option("--metric", show_default=False, help="The metric; the first output that is one.")] = None,
    error_rate: Annotated[float, typer.Option("--error-rate", help="The share of wrong answers.")] = 0.0,
    seconds: Annotated[float | None, typer.Option("--seconds", show_default=False, help="Seconds an answer takes a unit of cost.")] = None,
    full: Annotated[bool, typer.Option("--full/--no-full", help="Also run once with every example labelled.")] = True,
    engine: Annotated[str, typer.Option(metavar="NAME", help="Where the rows live, as for 'gpupipe run'.")] = "auto",
    traceback: Trace = False,
) -> None:
    """Repeat a pipeline that asks for labels, with answers from a column.

    The pipeline has parameters 'store', 'strategy' and 'seed', asks by gp.AskQuestions, and evaluates a hold-out. Each round is a run of
    it; then the oracle answers. Every strategy is compared with chance, 'random', at equal rules. What was done is kept in DIR, so that a
    call that was killed goes on where it was. DIR/report.html shows the curves.

    Example: gpupipe rounds pipelines/intents.py --oracle intent --until budget=3000 --seeds 3 --out rounds
    """
    with reported(with_traceback=traceback), stdout_to_stderr():
        with loading(file):
            from gpupipe.active.stopping import read_rule  # local: loads a dataframe library; --help does without
            from gpupipe.definition import load_definition  # local: as above
            from gpupipe.rounds.arm import Arm, Simulation  # local: as above
            from gpupipe.rounds.parts import require_parameters  # local: as above

            rules = tuple(map(read_rule, until or ()))
            definition = load_definition(file)
            require_parameters(definition, given or ())
        make_folder(out)
        simulation = Simulation(definition, tuple(given or ()), out, oracle, rules, engine, metric, error_rate, seconds)
        default = next(one.default for one in definition.parameters if one.name == "strategy")
        names = list(dict.fromkeys([*(strategy or [default]), "random"]))
        courses = [Arm(simulation, name, seed, _tell).run() for seed in range(seeds) for name in names]
        everything = replace(simulation, folder=out / "full", error_rate=0.0)
        _report(out, courses, Arm(everything, "random", 0).full() if full else None, definition.shown)


def _tell(line: str) -> None:
    """Print how far an arm has come."""
    typer.echo(visible(line), err=True)


def _report(out: Path, courses: Sequence[Mapping[str, Any]], full: float | None, shown: str) -> None:
    """Write the comparison: curve.json, report.json and report.html."""
    from gpupipe.pipeline import Pipeline  # local: as above
    from gpupipe.report.html import html_page  # local: as above
    from gpupipe.rounds.arm import compared  # local: as above
    from gpupipe.rounds.told import cards_of  # local: as above
    from gpupipe.sources.from_arrow import FromArrow  # local: as above
    from gpupipe.stages.active.learning_curve import LearningCurve  # local: as above

    write_whole(out / "curve.json", json_text({"full": full, "arms": list(courses)}, indent=1))
    points = FromArrow(compared(courses)).node().named("points")
    result = Pipeline("rounds", comparison=LearningCurve(full=full)(points)).run("cpu", file=shown)
    report = {**result.report, "cards": [*(result.report.get("cards") or ()), *cards_of(courses)]}
    write_whole(out / "report.json", json_text(report, indent=1))
    write_whole(out / "report.html", html_page(report))
    for row in result["comparison"].iter_rows(named=True):
        told = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in row.items() if isinstance(value, float))
        typer.echo(visible(f"{row['strategy']}: {told}"), err=True)
    typer.echo(visible(f"report: {out / 'report.html'}"), err=True)
