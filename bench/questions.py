"""All questions, in the order in which they matter."""

from __future__ import annotations

from dataclasses import dataclass

from bench.db_questions import table_questions
from bench.model_questions import MODEL, model_questions
from bench.mortgage_questions import mortgage_questions
from bench.question import Question


@dataclass(frozen=True)
class Sizes:
    """How many rows the mortgage questions and the tables have, how many times its own each model, and the boosting rounds."""

    rows: int = 100_000_000
    table_rows: int = 100_000_000
    model_scale: float = 1.0
    rounds: int = 100


def all_questions(sizes: Sizes) -> list[Question]:
    """Return the questions."""
    return [*_of_tables(sizes), *model_questions(sizes.model_scale)]


def _of_tables(sizes: Sizes) -> list[Question]:
    """Return the questions that need no library of models to be told."""
    return [*mortgage_questions(sizes.rows, sizes.rounds), *table_questions(sizes.table_rows)]


def question_of(name: str, sizes: Sizes) -> Question:
    """Return the question of that name, loading no library that only others need."""
    asked = model_questions(sizes.model_scale) if name.startswith(MODEL) else _of_tables(sizes)
    return next(one for one in asked if one.name == name)


def asked_questions(sizes: Sizes, names: list[str]) -> list[Question]:
    """Return the questions whose names begin with one of `names`; all where there are none.

    Raises
    ------
    ValueError
        No question's name begins so.

    Examples
    --------
    >>> [one.name for one in asked_questions(Sizes(), ["mortgage", "join q5"])]
    ['mortgage-etl', 'mortgage-whole', 'join q5: big inner on int']
    """
    known = all_questions(sizes)
    for name in names:
        if not any(one.name.startswith(name) for one in known):
            listed = "\n  ".join(one.name for one in known)
            msg = f"expected questions by the beginning of their names, got {name!r}. The questions are:\n  {listed}"
            raise ValueError(msg)
    return [one for one in known if not names or any(one.name.startswith(name) for name in names)]
