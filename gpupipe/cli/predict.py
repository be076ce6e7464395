"""``gpupipe predict``: a saved part of a pipeline scores files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import Quiet, Trace
from gpupipe.cli.streams import loading, stdout_to_stderr
from gpupipe.core.plain_json import json_text
from gpupipe.core.visible import visible

Folder: TypeAlias = Annotated[
    Path, typer.Argument(metavar="MODEL", show_default=False, help="The folder that gpupipe.save or --report wrote.")
]
Input: TypeAlias = Annotated[
    str, typer.Argument(metavar="INPUT", show_default=False, help="A file, glob, or folder: CSV, Parquet, JSON, Arrow.")
]
Output: TypeAlias = Annotated[
    str, typer.Argument(metavar="OUTPUT", show_default=False, help="The file to write: .parquet, .csv or .arrow.")
]
Method: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", show_default=False, help="Which method of the model: predict, predict_proba, transform.")
]
Names: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAMES", show_default=False, help="The columns to write, as id,prediction; by default all.")
]
Dtypes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=DTYPE", show_default=False, help="The dtype of a CSV column, where the guess is wrong: zip=String."),
]
Nulls: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="TEXT", show_default=False, help="A text of CSV that means a missing value; an empty field does."),
]
Separator: TypeAlias = Annotated[str, typer.Option(metavar="TEXT", help="What stands between the fields of CSV.")]
Overwrite: TypeAlias = Annotated[bool, typer.Option("--overwrite", help="Replace an output that is there.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print what was written as one JSON object on stdout.")]
Code: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", show_default=False, help="A Python file with functions that the model runs. It is run, as a script would be."
    ),
]


def predict(
    model: Folder,
    source: Input,
    output: Output,
    method: Method = None,
    columns: Names = None,
    dtype: Dtypes = None,
    null: Nulls = None,
    separator: Separator = ",",
    code: Code = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help="Where the rows live: auto, cpu, gpu, pandas, dask or dask-cuda.")] = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    traceback: Trace = False,
) -> None:
    """Score files with a saved model, or a saved part of a pipeline (gpupipe.Chain.between).

    Files of any size are read and written in a stream. The input's columns are checked before a row is read. Exit code 0: done; 1: it
    failed; 2: the call is wrong, or the input has not the columns that the model needs.

    Example: gpupipe predict report/scorer new.csv scored.parquet --code flow.py
    """
    with reported(with_traceback=traceback):
        with stdout_to_stderr(), loading(str(model)):
            from gpupipe.cli.predicting import PredictCall, score  # local: loads a dataframe library, which --help does without

            call = PredictCall(
                model,
                source,
                output,
                method,
                columns,
                tuple(dtype or ()),
                tuple(null or ()),
                separator,
                tuple(code or ()),
                overwrite=overwrite,
            )
            written = score(call, engine)
        if as_json:
            typer.echo(json_text(written))
        elif not quiet:
            typer.echo(_told(written), err=True)


def _told(written: dict[str, Any]) -> str:
    """Return what was written, in words."""
    return visible(f"wrote {written['rows']:,} rows to {written['path']} in {written['seconds']:.1f} s")
