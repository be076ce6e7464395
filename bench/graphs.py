"""`gpupipe.graphs` against SciPy, NetworKit, NetworkX, and igraph where it is: equal answers, fresh processes, processor seconds.

::

    python -m bench.graphs --scales 17,20 --rounds 3 --out bench/results/NAME.json
    python -m bench.graphs --only pagerank,triangles --scales 17 --igraph ENVIRONMENT/bin/python

The graphs are R-MAT (a, b, c = 0.57, 0.19, 0.19), ids permuted, without loops: at scale 17 about 1.4 million edges, at 20 about 11 million.
A question has contenders. In each round every one runs in a process of its own, another one first each time, on one thread. What counts is
the seconds from the same sorted arrays to the array of the answer, a library's own object included; how long that took is in the record.
A ratio is of two runs of one round, and the median over rounds counts. igraph is GPL: it is no dependency of anything here, and only
takes part where ``--igraph`` names an interpreter that has it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

import gpupipe.graphs as gg
from bench.machine import describe

ROOT = Path(__file__).resolve().parents[1]
PAIRS = 200_000


@dataclass(frozen=True)
class Question:
    """Something that several programs do.

    Parameters
    ----------
    others
        Who does it as well.
    floors
        How many times as fast ours is to be.
    like
        How answers are compared: ``"exact"``, ``"close"``, ``"partition"`` (labels may differ), ``"modularity"`` (both are told) or
        ``"other"`` (they are not of the same: a size, other sources).
    """

    others: tuple[str, ...]
    floors: dict[str, float]
    like: str


CHOSEN = 1 / 1.05  # what the library that was chosen is to be matched by
QUESTIONS = {
    "build": Question(("SciPy", "NetworKit", "NetworkX"), {}, "other"),
    "pagerank": Question(("NetworKit", "NetworkX", "igraph"), {"NetworkX": 30}, "close"),
    "bfs": Question(("NetworKit", "igraph"), {"NetworKit": CHOSEN}, "exact"),
    "sssp": Question(("SciPy",), {"SciPy": CHOSEN}, "exact"),
    "weak components": Question(("SciPy", "NetworKit", "igraph"), {"SciPy": CHOSEN}, "partition"),
    "strong components": Question(("SciPy",), {"SciPy": CHOSEN}, "partition"),
    "triangles": Question(("NetworKit", "NetworkX", "igraph"), {"NetworKit": CHOSEN, "NetworkX": 8}, "exact"),
    "core numbers": Question(("NetworKit", "igraph"), {"NetworKit": CHOSEN}, "exact"),
    "jaccard": Question(("NetworKit", "igraph"), {"NetworKit": CHOSEN}, "close"),
    "betweenness": Question(("NetworKit",), {"NetworKit": CHOSEN}, "other"),
    "louvain": Question(("NetworKit", "igraph"), {"NetworKit": CHOSEN}, "modularity"),
    "leiden": Question(("NetworKit", "igraph"), {"NetworKit": CHOSEN}, "modularity"),
    "spanning forest": Question(("SciPy",), {"SciPy": CHOSEN}, "close"),
    **{
        name: Question((), {}, "other")
        for name in ("degrees", "eigenvector", "katz", "hits", "clustering", "label propagation", "walks", "k-truss")
    },
}


def rmat(scale: int, seed: int = 0) -> tuple[Any, Any, int]:
    """Return the distinct directed edges of an R-MAT graph, in a random order."""
    rng = np.random.default_rng(seed)
    n, n_rows = 1 << scale, 12 << scale
    source, destination = np.zeros(n_rows, np.int64), np.zeros(n_rows, np.int64)
    for _ in range(scale):
        chance = rng.random(n_rows)
        source = 2 * source + (chance >= 0.76)
        destination = 2 * destination + (((chance >= 0.57) & (chance < 0.76)) | (chance >= 0.95))
    order = rng.permutation(n)
    source, destination = order[source], order[destination]
    keys = np.unique((source * n + destination)[source != destination])
    keys = rng.permutation(keys)
    return keys // n, keys % n, n


def write_arrays(scale: int, folder: Path) -> dict[str, Any]:
    """Write what contenders are given, one file an array, and return the graph's facts."""
    source, destination, n = rmat(scale)
    rng = np.random.default_rng(1)
    weight = rng.random(len(source))
    directed = gg.from_edges(source, destination, weight, n, directed=True)
    both = gg.from_edges(source, destination, None, n, directed=False)
    degree = np.bincount(both.source, minlength=n)
    edges = rng.permutation(both.n_edges)[: PAIRS // 2]
    ends = both.edges()
    first = rng.integers(0, n, PAIRS // 2)
    second = (first + rng.integers(1, n, PAIRS // 2)) % n  # of a vertex with itself NetworKit says 0
    arrays = {
        "n": np.array(n),
        "rows_source": source.astype(np.int32),
        "rows_destination": destination.astype(np.int32),
        "source": directed.source,
        "destination": directed.destination,
        "weight": directed.weight,
        "both_source": both.source,
        "both_destination": both.destination,
        "first": np.concatenate([ends[0][edges], first.astype(np.int32)]),
        "second": np.concatenate([ends[1][edges], second.astype(np.int32)]),
        "start": np.argsort(-degree)[:1],
        "sources": np.argsort(-degree)[:8],
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return {"scale": scale, "vertices": n, "directed_edges": directed.n_edges, "undirected_edges": both.n_edges}


def write_planted(mixing: float, folder: Path) -> dict[str, Any]:
    """Write a graph of 10,000 vertices in 100 groups, mean degree 20, a share of its edges between groups; and the groups."""
    rng = np.random.default_rng(0)
    n, size, n_edges = 10_000, 100, 100_000
    source = rng.integers(0, n, n_edges)
    inside = source // size * size + rng.integers(0, size, n_edges)
    destination = np.where(rng.random(n_edges) < mixing, rng.integers(0, n, n_edges), inside)
    graph = gg.from_edges(source, destination, None, n, directed=False, loops="drop")
    arrays = {"n": np.array(n), "both_source": graph.source, "both_destination": graph.destination, "groups": np.arange(n) // size}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return {"mixing": mixing, "modularity_of_groups": gg.modularity(graph, arrays["groups"])}


def asked(name: str, question: Question, folder: Path, options: argparse.Namespace, skipped: Sequence[str]) -> dict[str, Any]:
    """Return the seconds of all rounds, whether answers are alike, and the ratios of the others to ours."""
    others = [other for other in question.others if other not in skipped and (other != "igraph" or options.igraph)]
    contenders = ["ours", *others]
    runs: dict[str, list[dict[str, float]]] = {each: [] for each in contenders}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(options.rounds):
            for contender in contenders[number % len(contenders) :] + contenders[: number % len(contenders)]:
                runs[contender].append(_one(name, contender, folder, Path(scratch) / f"{contender}.npy", options.igraph))
        answers = {each: np.load(Path(scratch) / f"{each}.npy") for each in contenders}
    result: dict[str, Any] = {"question": name, "runs": runs, "answers": _compared(question.like, answers, folder), "ratios": {}}
    for other in others:
        ours = [run["prepare"] + run["run"] for run in runs["ours"]]
        total = [(run["prepare"] + run["run"]) / our for run, our in zip(runs[other], ours, strict=True)]
        alone = [run["run"] / our for run, our in zip(runs[other], ours, strict=True)]
        floor = question.floors.get(other)
        median = statistics.median(total)
        result["ratios"][other] = {
            "median": median,
            "least": min(total),
            "most": max(total),
            "without_its_object": statistics.median(alone),
        }
        result["ratios"][other] |= {"floor": floor, "met": None if floor is None else median >= floor}
    return result


def _one(name: str, contender: str, folder: Path, answer: Path, igraph: str | None) -> dict[str, float]:
    """Return the seconds and the memory of one run, in a process of its own."""
    python = igraph if contender == "igraph" else sys.executable
    command = [str(python), str(ROOT / "bench" / "graphs_contenders.py"), name, contender, str(folder), str(answer)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": "" if contender == "igraph" else str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{contender} failed at {name!r}:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _compared(like: str, answers: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return how each answer compares with ours; different ones that must not be end the run."""
    ours, found = answers["ours"], {}
    for name, theirs in answers.items():
        if like == "modularity":
            n = int(np.load(folder / "n.npy"))
            graph = gg.Graph(n, np.load(folder / "both_source.npy"), np.load(folder / "both_destination.npy"), directed=False)
            found[name] = {"modularity": gg.modularity(graph, theirs)}
            if (folder / "groups.npy").exists():
                found[name]["adjusted_rand"] = float(adjusted_rand_score(np.load(folder / "groups.npy"), theirs))
        elif like == "close":
            found[name] = float(np.abs(ours - theirs).max())
            _require(name, holds=found[name] < 1e-6)
        elif like == "exact":
            reached = np.where((theirs < 0) | (theirs > 1e300), -1, theirs)
            found[name] = bool((np.where((ours < 0) | (ours > 1e300), -1, ours) == reached).all())
            _require(name, holds=found[name])
        elif like == "partition":
            pairs = len(np.unique(np.stack([ours, theirs]), axis=1).T)
            found[name] = pairs == len(np.unique(ours)) == len(np.unique(theirs))
            _require(name, holds=found[name])
    return found


def _require(name: str, *, holds: bool) -> None:
    if not holds:
        raise SystemExit(f"{name} found something else than ours")


def table(results: Sequence[dict[str, Any]]) -> str:
    """Return the ratios as a Markdown table."""
    lines = ["| question | against | times as fast | range | without its object | floor | ours, cpu s |", "|---|---|---|---|---|---|---|"]
    for result in results:
        ours = statistics.median(run["prepare"] + run["run"] for run in result["runs"]["ours"])
        if not result["ratios"]:
            lines.append(f"| {result['question']} | | | | | | {ours:.3g} |")
        for other, ratio in result["ratios"].items():
            floor = "" if ratio["floor"] is None else f"{ratio['floor']:.3g}" + ("" if ratio["met"] else " (missed)")
            spread = f"{ratio['least']:.3g} to {ratio['most']:.3g}"
            times = f"{ratio['median']:.3g} | {spread} | {ratio['without_its_object']:.3g}"
            lines.append(f"| {result['question']} | {other} | {times} | {floor} | {ours:.3g} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask the questions, print a table, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scales", default="17")
    parser.add_argument("--only", default=",".join(QUESTIONS), help="questions, by name")
    parser.add_argument("--planted", default="", help="shares of edges between groups, as 0.3,0.5: graphs whose communities are known")
    parser.add_argument("--skip", default="", help="contenders to leave out, by name: NetworkX takes minutes at scale 20")
    parser.add_argument("--igraph", help="an interpreter that has igraph")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    record: dict[str, Any] = {"machine": describe(), "rounds": options.rounds, "graphs": []}
    print(table([]), flush=True)
    for scale in (int(text) for text in options.scales.split(",") if text):
        with tempfile.TemporaryDirectory() as folder:
            facts = write_arrays(scale, Path(folder))
            facts["questions"] = []
            record["graphs"].append(facts)
            for name in options.only.split(","):
                facts["questions"].append(asked(name, QUESTIONS[name], Path(folder), options, options.skip.split(",")))
                print(table(facts["questions"][-1:]).split("\n", 2)[2], flush=True)
                _write(options.out, record)
    record["planted"] = []
    for mixing in (float(text) for text in options.planted.split(",") if text):
        with tempfile.TemporaryDirectory() as folder:
            facts = write_planted(mixing, Path(folder))
            facts["questions"] = [asked(name, QUESTIONS[name], Path(folder), options, ()) for name in ("louvain", "leiden")]
            record["planted"].append(facts)
            print(mixing, json.dumps({each["question"]: each["answers"] for each in facts["questions"]}), flush=True)
    _write(options.out, record)
    return 0


def _write(path: Path | None, record: dict[str, Any]) -> None:
    """Write the record; after each question, since a large graph takes hours."""
    if path is not None:
        path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
