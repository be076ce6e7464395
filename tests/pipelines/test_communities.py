"""The communities pipeline, on a real network and on one whose communities are known."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "communities.py"


@pytest.fixture(scope="module")
def communities() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_planted_groups_are_found(communities: ModuleType, engine: str, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    lines = ["# three groups of thirty"]
    for group in range(3):
        lines += [f"{u}\t{v}" for u, v in random.integers(30 * group, 30 * group + 30, (150, 2)) if u != v]
    lines += ["0\t30", "31\t60"]
    (tmp_path / "edges.txt").write_text("\n".join(lines) + "\n")
    result = communities.pipeline(str(tmp_path / "edges.txt")).run(engine)
    found = dict(result["vertices"].select("source", "community").rows())
    assert sorted(result["largest"]["members"].to_list()) == [30, 30, 30]
    assert len({(vertex // 30, community) for vertex, community in found.items()}) == 3
    assert result["modularity"] > 0.6
    assert set(result["central"]["place"].to_list()) <= {1, 2, 3, 4, 5}


def test_published_counts_of_a_real_network(communities: ModuleType, shared_data: Path, tmp_path: Path) -> None:
    """SNAP gives ca-GrQc 5,242 vertices and 14,496 edges, 12 of them loops; its transitivity is in the reference file."""
    with gzip.open(shared_data / "graphs" / "ca-GrQc.txt.gz", "rt") as lines:
        kept = [line for line in lines if line[0] == "#" or line[0].isdigit()]
    (tmp_path / "edges.txt").write_text("".join(kept))
    result = communities.pipeline(str(tmp_path / "edges.txt")).run("cpu")
    facts = result.report["stages"][1]["facts"]
    assert (facts["vertices"], facts["edges"]) == (5242, 14484)
    assert result["transitivity"] == pytest.approx(0.6298, abs=1e-4)
    assert result["modularity"] > 0.85
