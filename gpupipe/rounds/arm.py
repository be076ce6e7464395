"""One arm of a comparison: a strategy and a seed, from round to round, in a folder of its own; killed at any moment, it goes on from there.

A round is: the pipeline runs, records its questions in the store, and ends; the round's point of the curve is kept; the oracle answers.
Each of these is kept whole or not at all. So whoever is killed between two of them finds, when it starts again, a round that waits for
answers: with its point kept, it is answered; without, the pipeline runs again on the same answers, and the recorded selection stands.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gpupipe.active.consensus import cohen_kappa
from gpupipe.active.oracle import ColumnOracle
from gpupipe.active.scheme import CLASS, SPANS
from gpupipe.active.stopping import Rule
from gpupipe.active.store import LabelStore
from gpupipe.artefact import save
from gpupipe.core.errors import UsageError
from gpupipe.definition import Definition
from gpupipe.rounds.parts import BEFORE, asking_node, fitted_of, goes_on, metric_of, predictions_of, truth_of

COURSE = "course.json"


@dataclass(frozen=True)
class Simulation:
    """What all arms share.

    Parameters
    ----------
    definition, given
        The pipeline, and the parameters that are the same for all arms, as ``name=value``.
    oracle
        The column of true labels.
    rules
        When to stop; the first one that holds.
    metric
        The name of the metric among the outputs; the first one unless given.
    """

    definition: Definition
    given: tuple[str, ...]
    folder: Path
    oracle: str
    rules: tuple[Rule, ...]
    engine: str = "auto"
    metric: str | None = None
    error_rate: float = 0.0
    seconds: float | None = None


@dataclass
class Arm:
    """A strategy and a seed."""

    simulation: Simulation
    strategy: str
    seed: int
    told: Callable[[str], None] = field(default=lambda _: None)

    @property
    def name(self) -> str:
        """The arm's name, which its folder has."""
        return f"{self.strategy}-{self.seed}"

    @property
    def folder(self) -> Path:
        """Where the arm's store and curve are kept."""
        return self.simulation.folder / self.name

    def run(self) -> dict[str, Any]:
        """Return the arm's course: its ``curve``, and why it ``stopped``."""
        course = self._course()
        truth: dict[Any, Any] | None = None
        while course["stopped"] is None:
            pipeline = self._build(course)
            _, node = asking_node(pipeline)
            store = LabelStore(node.stage.store)  # type: ignore[attr-defined]
            if truth is None:
                truth = truth_of(pipeline, self.simulation.oracle, self.simulation.engine)
            waiting = store.waiting()
            kept = course["curve"][-1]["round"] if course["curve"] else -1
            if not waiting.num_rows or waiting["round"][0].as_py() > kept:  # else it was killed before the answers
                self._point(course, pipeline, store)
                course["stopped"] = self._why(course, store)
                self._keep(course)
                self.told(_line(self.name, course))
            if course["stopped"] is None:
                store.append(self._oracle(store, truth)(store.waiting()))
        return course

    def full(self) -> float | None:
        """Return the metric where every example of the pool is labelled."""
        pipeline = self._build()
        _, node = asking_node(pipeline)
        store = LabelStore(node.stage.store)  # type: ignore[attr-defined]
        if not store.answers().num_rows:
            truth = truth_of(pipeline, self.simulation.oracle, self.simulation.engine)
            held = set(store.held_out().to_pylist())
            keys = [key for key in truth if key not in held]
            spans = store.scheme.kind == "spans"
            # Spans are kept as tags, for which the store must know how many words there are.
            store.add_examples({"example_id": keys, **({"words": [truth[key] for key in keys]} if spans else {})})
            ones = {"question": [SPANS if spans else CLASS] * len(keys), "cost": [1.0] * len(keys), "round": [0] * len(keys)}
            store.append(self._oracle(store, truth)(pa.table({"example_id": keys, **ones})))
        return metric_of(self._build().run(self.simulation.engine), self.simulation.metric)

    def _build(self, course: Mapping[str, Any] | None = None) -> Any:
        """Return the arm's pipeline, made anew: it looks at the store, and goes on from what the round before has fitted, where it can."""
        own = [f"store={self.folder / 'labels'}", f"strategy={self.strategy}", f"seed={self.seed}"]
        definition = self.simulation.definition
        self.folder.mkdir(parents=True, exist_ok=True)
        if course is not None and course.get("fitted") and goes_on(definition):
            own.append(f"{BEFORE}={self.folder / course['fitted']}")
        return definition.build(definition.values((*self.simulation.given, *own)))

    def _oracle(self, store: LabelStore, truth: Mapping[Any, Any]) -> ColumnOracle:
        """Return who answers."""
        return ColumnOracle(truth, store.scheme, self.simulation.error_rate, self.simulation.seconds)

    def _point(self, course: dict[str, Any], pipeline: Any, store: LabelStore) -> None:
        """Run the pipeline and enter its point of the curve."""
        started = time.perf_counter()
        known = store.labels()
        answered = store.answers()
        costs = dict(zip(store.questions()["question_id"].to_pylist(), store.questions()["cost"].to_pylist(), strict=True))
        waiting = set(store.waiting()["question_id"].to_pylist())
        spent = sum(cost for name, cost in costs.items() if name not in waiting)
        result = pipeline.run(self.simulation.engine)
        asked = result[asking_node(pipeline)[0]]
        questions = store.questions()
        scores = np.array(questions["score"].filter(pa.compute.equal(questions["round"], asked["round"])).to_pylist(), float)
        scores = scores[np.isfinite(scores)]
        sample = predictions_of(result)
        point = {
            "round": asked["round"],
            "cost": float(spent),
            "answers": answered.num_rows,
            "examples": known.num_rows,
            "exact": known["state"].to_pylist().count("exact"),
            "unresolved": sum(known["unresolved"].to_pylist()),
            "conflicts": sum(known["n_conflicts"].to_pylist()),
            "metric": metric_of(result, self.simulation.metric),
            "kappa": _kappa(course["sample"], sample),
            "best": float(scores.max()) if len(scores) else None,
            "uncertainty": float(scores.mean()) if len(scores) else None,
            "asked": asked["questions"] if asked["waiting"] else 0,
            "seconds": round(time.perf_counter() - started, 3),
        }
        if goes_on(self.simulation.definition):
            course["fitted"] = self._saved(result, asked["round"], course.get("fitted"))
        course["curve"].append(point)
        course["sample"] = sample

    def _saved(self, outputs: Mapping[str, Any], number: int, before: str | None) -> str | None:
        """Save what a round has fitted, and return the folder's name; in a round that has fitted nothing, that of the one before."""
        found = fitted_of(outputs)
        if found is None:
            return before
        name = f"fitted/round-{number:06d}"
        save(found, self.folder / name)
        for old in (self.folder / "fitted").glob("round-*"):
            if old.name not in (
                Path(name).name,
                Path(before or name).name,
            ):  # should this round be repeated, it goes on from the one before
                shutil.rmtree(old)
        return name

    def _why(self, course: Mapping[str, Any], store: LabelStore) -> str | None:
        """Return why to stop, by the first rule that says so; None to go on."""
        said = next((why for rule in self.simulation.rules if (why := rule.why(course["curve"])) is not None), None)
        if said is None and not store.waiting().num_rows:
            return "nothing is open: every question that could be asked is answered"
        return said

    def _course(self) -> dict[str, Any]:
        """Return what was kept of the arm, whose reason for stopping is looked at anew: rules may be others now."""
        path = self.folder / COURSE
        if not path.exists():
            return {"strategy": self.strategy, "seed": self.seed, "curve": [], "sample": None, "stopped": None}
        course: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if (course.get("strategy"), course.get("seed")) != (self.strategy, self.seed):
            raise UsageError(f"Expected the course of {self.name} at {str(path)!r}, got that of another arm. Name another folder.")
        if course["stopped"] is not None and not course["stopped"].startswith("nothing is open"):
            course["stopped"] = next((why for rule in self.simulation.rules if (why := rule.why(course["curve"])) is not None), None)
        return course

    def _keep(self, course: Mapping[str, Any]) -> None:
        """Put the course in place of the old one, whole."""
        with tempfile.NamedTemporaryFile("w", dir=self.folder, suffix=".tmp", delete=False, encoding="utf-8") as made:
            json.dump(course, made)
            made.flush()
            os.fsync(made.fileno())
        Path(made.name).replace(self.folder / COURSE)


def _kappa(before: Mapping[str, str] | None, now: Mapping[str, str] | None) -> float | None:
    """Return how far predictions of two models agree beyond chance, on the examples that both have."""
    both = sorted(set(before or ()) & set(now or ()))
    if not before or not now or not both:
        return None
    names = sorted({*before.values(), *now.values()})
    if len(names) < 2:
        return 1.0
    place = {name: number for number, name in enumerate(names)}
    left, right = (np.array([place[told[key]] for key in both]) for told in (before, now))
    return float(cohen_kappa(left, right, len(names)))


def _line(name: str, course: Mapping[str, Any]) -> str:
    """Return what is told of an arm's last point."""
    point: Mapping[str, Any] = course["curve"][-1]
    metric = "no model yet" if point["metric"] is None else f"metric {point['metric']:.4f}"
    stopped = "" if course["stopped"] is None else f"; stopped, {course['stopped']}"
    return f"{name}: round {point['round']}, cost {point['cost']:g}, {metric}, asks {point['asked']}{stopped}"


def compared(courses: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return the points of arms as a table."""
    rows = [{"strategy": one["strategy"], "seed": one["seed"], **point} for one in courses for point in one["curve"]]
    return pa.Table.from_pylist(rows)
