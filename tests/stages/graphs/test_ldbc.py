"""The example graphs of LDBC Graphalytics with the answers that it expects, in pipelines, on every engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import gpupipe as gp

UNREACHABLE = 9223372036854775807


def expected(folder: Path, name: str, dtype: Any) -> dict[int, Any]:
    """Return what a file of the example expects of each vertex; none where it is not reached."""
    rows = [line.split() for line in (folder / "example" / name).read_text().splitlines()]
    values = {int(vertex): dtype(value) for vertex, value in rows}
    return {vertex: None if value in (UNREACHABLE, float("inf")) else value for vertex, value in values.items()}


@pytest.mark.parametrize("kind", ["directed", "undirected"])
def test_all_six_algorithms(kind: str, shared_data: Path, engine: str) -> None:
    folder = shared_data / "graphs" / "ldbc_graphalytics"
    told = json.loads((folder / "parameters.json").read_text())[kind]
    lines = [line.split() for line in (folder / "example" / f"example-{kind}.e").read_text().splitlines()]
    edges = pl.DataFrame([(int(u), int(v), float(w)) for u, v, w in lines], schema=["v", "to", "w"], orient="row")
    vertices = pl.DataFrame({"v": [int(line) for line in (folder / "example" / f"example-{kind}.v").read_text().split()]})
    tables = gp.FromFrame(edges).node(), gp.FromFrame(vertices).node()
    plain, weighted = (gp.ToGraph("v", "to", weight, directed=kind == "directed")(*tables) for weight in (None, "w"))
    made = gp.Pipeline(
        "ldbc",
        PR=gp.PageRank(told["pr_damping"], iterations=told["pr_iterations"])(plain),
        BFS=gp.BFS(told["bfs_source"])(plain),
        CDLP=gp.LabelPropagation(told["cdlp_iterations"])(plain),
        LCC=gp.Clustering()(plain),
        WCC=gp.WeakComponents()(plain),
        SSSP=gp.ShortestPaths(told["sssp_source"])(weighted),
    ).run(engine)
    for name, dtype in {"PR": float, "BFS": int, "CDLP": int, "LCC": float, "WCC": int, "SSSP": float}.items():
        found = dict(zip(*(column.to_pylist() for column in made[name].to_arrow().columns), strict=True))
        wanted = expected(folder, f"example-{kind}-{name}", dtype)
        reached = {vertex: value for vertex, value in wanted.items() if value is not None}
        assert found == {vertex: pytest.approx(value, rel=1e-13) if vertex in reached else None for vertex, value in wanted.items()}, name
