"""The mortgage questions: the ETL alone, Parquet to Parquet, and the whole pipeline with its two models."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import gpupipe as gp
from bench.question import Question
from gpupipe.datasets.mortgage import generate_mortgage
from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[1] / "pipelines" / "mortgage.py"
FUNCTIONS = {"mortgage-etl": "etl", "mortgage-whole": "pipeline"}
FEWEST = 1_000_000  # below that, memory is not what is short


def mortgage_questions(rows: int, rounds: int = 100) -> list[Question]:
    """Return both questions on that many months of loans, with models of so many boosting rounds."""
    return [_question(name, rows, rounds) for name in FUNCTIONS]


def _question(name: str, rows: int, rounds: int) -> Question:
    prepare, build = partial(make_mortgage, rows=rows), partial(_build, FUNCTIONS[name], rounds)
    smaller = partial(_question, name, rows // 2, rounds) if rows >= 2 * FEWEST else None
    whole = name == "mortgage-whole"
    return Question(name, rows, prepare, build, tolerance=0.02 if whole else 1e-6, fitted=whole, smaller=smaller)


def make_mortgage(data: Path, rows: int) -> Path:
    """Return the folder of generated rows; the names of sellers are put in place last, so they tell that all is there."""
    folder = data / f"mortgage-{rows}"
    if not (folder / "names.csv").exists():
        generate_mortgage(folder, rows, seed=0, text=False, overwrite=True)
    return folder


def _build(function: str, rounds: int, data: Path, out: Path) -> gp.Pipeline:
    build = getattr(sys.modules[load_definition(str(FILE)).function.__module__], function)
    inputs = {"acquisition": f"{data}/acquisition", "performance": f"{data}/performance"}
    more = {"out": f"{out}/features.parquet"} if function == "etl" else {"n_estimators": rounds}
    pipeline: gp.Pipeline = build(**inputs, **more)
    return pipeline
