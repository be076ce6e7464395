"""The learning questions: estimators of scikit-learn and XGBoost on 20 features, against their counterparts on a device.

The sizes are chosen so that 16 cores are busy for a second or more. What counts is the training; of nearest neighbours, which learn
nothing, the whole run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

import gpupipe as gp
from bench.parts import write_parts
from bench.question import Question

MODEL = "model: "  # the beginning of their names
SEED = 7
FEATURES = tuple(f"x{number}" for number in range(20))
N_GROUPS = 8
N_HELD_OUT = 100_000


@dataclass(frozen=True)
class Trained:
    """An estimator, the rows that it is trained on, what it is to find, by what its answers are scored, and which stages are timed."""

    rows: int
    estimator: Any
    target: str | None
    score: str
    timed: tuple[str, ...] = ("learner",)


def trained() -> dict[str, Trained]:
    """Return the estimators by name."""
    from sklearn.cluster import KMeans  # local: here and below, half a second for whoever only wants to know what there is
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC
    from xgboost import XGBClassifier

    forest = RandomForestClassifier(32, max_depth=12, random_state=0, n_jobs=-1)
    return {
        "XGBClassifier": Trained(2_000_000, XGBClassifier(n_estimators=100, max_depth=8), "label", "accuracy"),
        "RandomForestClassifier": Trained(500_000, forest, "label", "accuracy"),
        "LogisticRegression": Trained(10_000_000, LogisticRegression(), "label", "accuracy"),
        "LinearRegression": Trained(20_000_000, LinearRegression(), "number", "r2"),
        "Ridge": Trained(20_000_000, Ridge(), "number", "r2"),
        "KMeans": Trained(10_000_000, KMeans(N_GROUPS, n_init=4, random_state=0), None, "adjusted_rand"),
        "PCA": Trained(20_000_000, PCA(5), None, "variance"),
        "KNeighborsClassifier": Trained(200_000, KNeighborsClassifier(n_jobs=-1), "label", "accuracy", timed=()),
        "SVC": Trained(30_000, SVC(), "label", "accuracy"),
    }


def model_questions(scale: float) -> list[Question]:
    """Return the questions, on `scale` times their rows."""
    return [_question(name, one, max(int(one.rows * scale), 1000)) for name, one in trained().items()]


def _question(name: str, one: Trained, rows: int) -> Question:
    build = partial(_build, one)
    shared = {"tolerance": 0.02, "fitted": True, "timed": one.timed, "estimator": one.estimator}
    if one.score == "variance":
        shared["tolerance"] = 0.1  # of about thirty
    return Question(f"{MODEL}{name}", rows, partial(make_features, rows=rows), build, fallbacks="host", **shared)


def make_features(data: Path, rows: int) -> tuple[Path, Path]:
    """Return the folders of the rows to learn from and of those to be scored on."""
    train, held_out = data / f"features-{rows}", data / f"features-{rows}-held-out"
    write_parts(train, feature_rows, rows, 0, a_part=1_000_000)
    write_parts(held_out, feature_rows, min(rows, N_HELD_OUT), 1)
    return train, held_out


def feature_rows(first: int, end: int, part: int) -> pa.Table:
    """Return rows of 20 features around eight centres, with the centre's number, a label and a number that depend on the features."""
    fixed, random, n = np.random.default_rng(SEED), np.random.default_rng([SEED, part, first]), end - first
    centres = fixed.normal(size=(N_GROUPS, len(FEATURES))).astype(np.float32) * 2
    weights = fixed.normal(size=len(FEATURES)).astype(np.float32)
    group = random.integers(0, N_GROUPS, n, dtype=np.int32)
    x = random.standard_normal((n, len(FEATURES)), dtype=np.float32)
    x += centres[group]
    number = x @ weights + random.standard_normal(n, dtype=np.float32)
    label = (number + x[:, 0] * x[:, 1] > 0).astype(np.int32)
    columns = {name: np.ascontiguousarray(x[:, place]) for place, name in enumerate(FEATURES)}
    return pa.table(columns | {"group": group, "label": label, "number": number})


def _build(one: Trained, data: tuple[Path, Path], out: Path) -> gp.Pipeline:
    """Return the pipeline that trains on the one table and scores on the other."""
    train, held_out = (gp.ReadParquet(path).node() for path in data)
    model = gp.Learn(one.estimator, features=FEATURES, target=one.target).fit(train)
    if one.score == "variance":
        total = sum((nw.col(f"pca{number}").var() for number in range(1, 5)), nw.col("pca0").var())
        return gp.Pipeline("question", score=gp.Scalar(variance=total)(model.transform(held_out)))
    truth = one.target or "group"
    return gp.Pipeline("question", score=gp.Evaluate(one.score, target=truth)(model.predict(held_out)))
