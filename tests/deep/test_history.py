"""Histories as reports show them."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.deep.history import History
from gpupipe.report.cards import is_card

ROWS = [
    {"epoch": 1, "loss": 2.0, "validation_loss": 3.0, "accuracy": 0.5, "learning_rate": 0.1, "seconds": 1.0},
    {"epoch": 2, "loss": 1.0, "validation_loss": 4.0, "learning_rate": 0.1, "seconds": 0.5},
]


def test_facts_and_curves() -> None:
    history = History(ROWS, best=1, stopped="epochs")
    assert history.facts() == {
        "epochs": 2, "best epoch": 1, "loss": 2.0, "validation_loss": 3.0, "accuracy": 0.5, "training seconds": 1.5,
    }  # fmt: skip
    assert history.column("accuracy")[0] == 0.5 and math.isnan(history.column("accuracy")[1])
    parts = history.parts()
    assert [part["title"] for part in parts] == ["Loss by epoch", "Accuracy by epoch", "Learning rate by epoch", "Seconds by epoch"]
    assert [curve["label"] for curve in parts[0]["curves"]] == ["loss", "validation loss"]
    assert parts[1]["curves"][0]["y"] == [0.5, None]
    assert [part["curves"][0]["label"] for part in parts[1:]] == ["accuracy on validation", "learning rate", "seconds"]
    assert is_card({"title": "Training", "parts": parts})


def test_nothing_yet() -> None:
    assert History().facts() == {"epochs": 0} and not History().parts()
