"""Oracles: from a table of questions to a table of answers. A simulation's answers come from a column of labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from gpupipe.active.scheme import CLASS, NO, SPANS, YES, Scheme
from gpupipe.active.scorers.random_order import random_order
from gpupipe.active.spans import spans_of_tags
from gpupipe.core.errors import StageError, UsageError, listing


@dataclass(frozen=True)
class ColumnOracle:
    """Answers questions by labels that are known, some of them wrongly: always the same ones, since chance is a hash.

    Parameters
    ----------
    truth
        The label of each example, by its key: a class, or of spans the tags of its words.
    scheme
        The label store's.
    error_rate
        The share of wrong answers, in [0, 1): another class by chance, or no for yes. Spans are always right.
    seconds
        How long an answer takes for each unit of its question's cost; None where nobody counts.
    annotator
        Who is said to answer.

    Examples
    --------
    >>> oracle = ColumnOracle({"a": "cat"}, Scheme(("cat", "dog")))
    >>> oracle(pa.table({"example_id": ["a"], "question": [CLASS], "cost": [1.0], "round": [0]}))["answer"].to_pylist()
    ['cat']
    """

    truth: Mapping[Any, Any]
    scheme: Scheme
    error_rate: float = 0.0
    seconds: float | None = None
    annotator: str = "oracle"

    def __post_init__(self) -> None:
        if not 0 <= self.error_rate < 1:
            raise UsageError(f"Expected an error rate in [0, 1), the share of wrong answers, got {self.error_rate}.")
        if self.scheme.kind == "spans" and self.error_rate:
            raise UsageError("An oracle errs about classes, and the store's questions are about spans. Leave the error rate out.")

    def __call__(self, questions: pa.Table) -> pa.Table:
        """Return an answer to each question, as `LabelStore.append` takes them.

        Raises
        ------
        StageError
            An example has no label, or of spans one that is no list of tags.
        """
        keys, asked = questions["example_id"].to_pylist(), questions["question"].to_pylist()
        lacking = [str(key) for key in keys if self.truth.get(key) is None]
        if lacking:
            msg = f"The oracle expects a label for each example that is asked about, got none for {listing(lacking, limit=5)}."
            raise StageError(f"{msg} Name a column that has a label in each row.")
        drawn = self._drawn(keys, asked)
        answers = [self._answer(self.truth[key], text, int(one)) for key, text, one in zip(keys, asked, drawn, strict=True)]
        took = [None if self.seconds is None else self.seconds * cost for cost in questions["cost"].to_pylist()]
        columns = {name: questions[name] for name in ("example_id", "question", "round")}
        told = {"answer": answers, "annotator": [self.annotator] * len(keys), "seconds": pa.array(took, pa.float64())}
        return pa.table({**columns, **told})

    def _drawn(self, keys: list[Any], asked: list[str]) -> Any:
        """Return a hash of each example and question."""
        texts = pa.array([f"{key}\x1f{text}" for key, text in zip(keys, asked, strict=True)], pa.large_string())
        return random_order(texts, seed=1) if len(keys) else np.zeros(0, np.uint64)

    def _answer(self, told: Any, question: str, drawn: int) -> str:
        """Return the answer to one question."""
        if question == SPANS:
            if not isinstance(told, list):
                raise StageError(f"The oracle expects a list of tags, as gp.ReadConll gives it, got {told!r}. Name the column of tags.")
            return json.dumps(spans_of_tags(told))
        label = str(told)
        wrong = drawn / 2**64 < self.error_rate
        if question == CLASS:
            others = [str(one) for one in self.scheme.classes if str(one) != label]
            return others[drawn % len(others)] if wrong and others else label
        return YES if (label in _classes_of(question)) != wrong else NO


@lru_cache(maxsize=4096)
def _classes_of(question: str) -> frozenset[str]:
    """Return the classes that a question is about."""
    return frozenset(map(str, json.loads(question)["classes"]))
