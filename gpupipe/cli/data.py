"""``gpupipe data``: generated data sets, to try pipelines on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import Quiet, Trace
from gpupipe.core.errors import UsageError

data_app = typer.Typer(no_args_is_help=True)


class Format(StrEnum):
    """How generated rows are written."""

    text = "text"
    parquet = "parquet"


@data_app.callback()
def _data() -> None:
    """Generate data sets to try pipelines on.

    Example: gpupipe data mortgage --rows 100000 --out data/mortgage
    """


@data_app.command("mortgage")
def mortgage(
    rows: Annotated[int, typer.Option(min=1, show_default=False, help="How many rows of loan performance: one a loan and month.")],
    out: Annotated[Path, typer.Option(metavar="DIR", show_default=False, help="The folder to write to; new or empty.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same rows.")] = 0,
    form: Annotated[Format, typer.Option("--format", help="Pipe-separated text without a header, or typed parquet.")] = Format.text,
    workers: Annotated[
        int | None, typer.Option(min=1, show_default=False, help="How many processes; by default one a core where rows are many.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace data generated there before.")] = False,
    quiet: Quiet = False,
    traceback: Trace = False,
) -> None:
    """Generate mortgage data in the layout of Fannie Mae's loan performance files.

    Writes DIR/acquisition, DIR/performance and DIR/names.csv: the columns and the distributions of the public quarter 2007Q3, in a
    stream, so that any number of rows fits into memory.

    Example: gpupipe data mortgage --rows 100000 --out data/mortgage
    """
    with reported(with_traceback=traceback):
        from gpupipe.cli.progress import counting  # local: loads rich's bars, which --help does without
        from gpupipe.datasets.mortgage import generate_mortgage  # local: loads NumPy and Arrow

        try:
            with counting("generating mortgage rows", rows, quiet=quiet) as advance:
                form_of = {"text": form is Format.text, "overwrite": overwrite}
                made = generate_mortgage(out, rows, seed=seed, workers=workers, progress=advance, **form_of)
        except UsageError as error:
            error.add_note("On the command line: --out DIR names the folder, --overwrite replaces what was generated there.")
            raise
        if not quiet:
            from gpupipe.report.units import bytes_text  # local: as above

            told = f"wrote {made.n_rows:,} rows of {made.n_loans:,} loans, {bytes_text(made.n_bytes)}"
            typer.echo(f"{told}: {out / 'performance'}, {out / 'acquisition'}, {made.names}", err=True)
