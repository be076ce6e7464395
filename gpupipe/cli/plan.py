"""``gpupipe plan``: the pipeline drawn, with what each source will be read for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import File, Given, Trace
from gpupipe.cli.streams import loading, stdout_to_stderr
from gpupipe.core.plain_json import json_text
from gpupipe.core.secret import masked
from gpupipe.core.visible import visible
from gpupipe.core.whole_files import write_whole


def plan(
    file: File,
    given: Given = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the drawing as SVG.", show_default=False)] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write drawing and schemas as one HTML page.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as one JSON object instead of the drawing.")] = False,
    traceback: Trace = False,
) -> None:
    """Draw a pipeline: its stages, and the columns and filters that each source is read for.

    Prints a text drawing, unless --json, --svg or --html ask for another form. Checks the pipeline as 'check' does.

    Example: gpupipe plan flow.py --html plan.html
    """
    with reported(with_traceback=traceback):
        with stdout_to_stderr(), loading(file):
            from gpupipe.definition import load_definition  # local: --help does without
            from gpupipe.report.drawing import draw_svg, draw_text  # local: as above
            from gpupipe.report.html import plan_page  # local: as above

            definition = load_definition(file)
            made = definition.build(definition.values(given or [])).plan().as_json()
            made = masked(made)
        stages, outputs = made["stages"], made["outputs"]
        if svg is not None:
            write_whole(svg, draw_svg(stages, outputs))
        if html is not None:
            write_whole(html, plan_page(made))
        for written in filter(None, (svg, html)):
            typer.echo(visible(f"wrote {written}"), err=True)
        if as_json:
            typer.echo(json_text(made))
        elif svg is None and html is None:
            typer.echo(draw_text(stages, outputs))
