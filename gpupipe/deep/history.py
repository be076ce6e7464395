"""What a training tells of itself: a row an epoch, and the cards that a report shows of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """The epochs of a training.

    Parameters
    ----------
    epochs
        A mapping an epoch: ``epoch`` (from 1 on), ``loss``, ``learning_rate``, ``seconds`` and, where there are examples for validation,
        ``validation_loss`` and each metric under its name.
    best
        The number of the epoch whose weights are kept; the last one where there is no validation.
    stopped
        Why the training ended: ``"epochs"``, ``"patience"``, or nothing while it goes on.

    Examples
    --------
    >>> history = History([{"epoch": 1, "loss": 2.0, "learning_rate": 0.1, "seconds": 1.0}], best=1)
    >>> history.column("loss"), history.facts()["epochs"]
    ([2.0], 1)
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    best: int = 0
    stopped: str = ""

    def column(self, name: str) -> list[float]:
        """Return a figure of each epoch; NaN where an epoch has none."""
        return [float(row.get(name, float("nan"))) for row in self.epochs]

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that there are."""
        return tuple(dict.fromkeys(name for row in self.epochs for name in row))

    @property
    def seconds(self) -> float:
        """How long all epochs took together."""
        return sum(self.column("seconds"))

    def facts(self) -> dict[str, Any]:
        """Return what a report says in a few words."""
        if not self.epochs:
            return {"epochs": 0}
        best = self.epochs[self.best - 1]
        told = {name: float(f"{best[name]:.6g}") for name in best if name not in ("epoch", "seconds", "learning_rate")}
        return {"epochs": len(self.epochs), "best epoch": self.best, **told, "training seconds": round(self.seconds, 2)}

    def parts(self) -> list[Mapping[str, Any]]:
        """Return the parts of a card: curves of the losses, of each metric, of the learning rate, and of the seconds."""
        if not self.epochs:
            return []
        at = [row["epoch"] for row in self.epochs]
        losses = [name for name in ("loss", "validation_loss") if name in self.names]
        others = [name for name in self.names if name not in ("epoch", *losses)]
        made = [_lines("Loss by epoch", at, [(name.replace("_", " "), self.column(name)) for name in losses])]
        return made + [_lines(f"{name.replace('_', ' ').capitalize()} by epoch", at, [(_told(name), self.column(name))]) for name in others]


def _told(name: str) -> str:
    """Return what a figure is called beside its curve: metrics are of the examples for validation."""
    told = name.replace("_", " ")
    return told if name in ("learning_rate", "seconds") else f"{told} on validation"


def _lines(title: str, at: Sequence[int], curves: Sequence[tuple[str, Sequence[float]]]) -> Mapping[str, Any]:
    """Return a part of a card with curves over epochs."""
    held = [{"label": label, "x": list(at), "y": [None if math.isnan(y) else y for y in values]} for label, values in curves]
    return {"kind": "lines", "title": title, "x": "epoch", "y": "", "curves": held}
