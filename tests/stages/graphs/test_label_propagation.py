"""Labels after synchronous rounds, by LDBC's definition written out."""

from __future__ import annotations

from collections import Counter

import gpupipe as gp
from tests.stages.graphs.known_graphs import by_key, edges_of, on, theirs_of


def test_rounds(engine: str) -> None:
    theirs = theirs_of(edges_of(), directed=True)
    labels = {vertex: vertex for vertex in theirs}
    for _ in range(3):
        around = {vertex: [*theirs.predecessors(vertex), *theirs[vertex]] for vertex in theirs}
        heard = {vertex: Counter(labels[one] for one in others) for vertex, others in around.items()}
        labels = {vertex: min(found, key=lambda label, of=found: (-of[label], label)) for vertex, found in heard.items()}
    assert by_key(on(engine, gp.LabelPropagation(3), directed=True), "community") == labels
