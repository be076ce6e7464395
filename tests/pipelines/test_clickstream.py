"""The clickstream pipeline: what the graph of items adds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "clickstream.py"


@pytest.fixture(scope="module")
def clickstream() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_the_graph_adds_to_the_model(clickstream: ModuleType, engine: str) -> None:
    result = clickstream.pipeline(n_visitors=600, n_estimators=30).run(engine)
    plain, more = result["scores"]["without graph"], result["scores"]["with graph"]
    assert more["roc_auc"] > plain["roc_auc"] + 0.04
    assert more["log_loss"] < plain["log_loss"]
    assert len(result["items"]) == 10


def test_kinds_of_items_are_found(clickstream: ModuleType) -> None:
    """Communities of the graph are, but for a few items, the kinds that the clicks were made of."""
    result = clickstream.pipeline(n_visitors=1_500, n_estimators=5).run("cpu")
    (stage,) = [one for one in result.report["stages"] if one["name"] == "Leiden"]
    assert 15 <= stage["facts"]["communities"] <= 25
