"""``gpupipe export``: a saved model as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import Quiet, Trace
from gpupipe.cli.predict import AsJson, Dtypes, Folder, Nulls, Overwrite, Separator
from gpupipe.cli.streams import loading, stdout_to_stderr
from gpupipe.core.plain_json import json_text
from gpupipe.core.visible import visible

Rows: TypeAlias = Annotated[
    str, typer.Argument(metavar="ROWS", show_default=False, help="Rows to check it with, best those it was trained on: as predict's INPUT.")
]
Output: TypeAlias = Annotated[
    Path, typer.Argument(metavar="OUTPUT", show_default=False, help="The file to write, whose name ends in .onnx.")
]


def export(
    model: Folder,
    rows: Rows,
    output: Output,
    tolerance: Annotated[float, typer.Option(metavar="SHARE", help="By how much numbers may differ, of the largest in a column.")] = 1e-5,
    given_rows: Annotated[bool, typer.Option("--given-rows", help="Check with the given rows alone, and with no made-up ones.")] = False,
    dtype: Dtypes = None,
    null: Nulls = None,
    separator: Separator = ",",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    traceback: Trace = False,
) -> None:
    """Write a saved model as an ONNX file, for programs without Python, once onnxruntime answers to rows as the model does.

    The file's inputs are the features, its outputs the columns that the model makes. An estimator that has no such form, or whose file
    answers otherwise, is refused. Exit code 0: done; 1: refused, or it failed; 2: the call is wrong, or the rows have not the features.

    Example: gpupipe export report/model train.parquet model.onnx
    """
    with reported(with_traceback=traceback):
        with stdout_to_stderr(), loading(str(model)):
            from gpupipe.cli.predicting import (  # local: loads a dataframe library, which --help does without
                PredictCall,
                first_rows,
                saved_stage,
            )
            from gpupipe.onnx_export import CHECKED_ROWS, export_onnx  # local: as above

            call = PredictCall(model, rows, str(output), None, None, tuple(dtype or ()), tuple(null or ()), separator)
            stage = saved_stage(call)
            some = first_rows(call, stage, CHECKED_ROWS)
            made = export_onnx(stage, output, some, tolerance=tolerance, made_up=not given_rows, overwrite=overwrite)
        missing = "" if made.knows_missing else "; missing values were not seen to agree, so give it none"
        told = f"wrote {made.path}: onnxruntime agreed on {made.n_rows:,} rows, to {made.largest_difference:.1e}{missing}"
        if as_json:
            typer.echo(json_text({**vars(made), "path": str(made.path)}))
        elif not quiet:
            typer.echo(visible(told), err=True)
