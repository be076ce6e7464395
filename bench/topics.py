"""Topics by moments beside scikit-learn's and gensim's: one process, in turns, processor seconds.

    python -m bench.topics --out bench/results/NAME.json [--rounds 3] [--only corpus,newsgroups] [--newsgroups FILE.npz]

Peers that are not installed are left out, and the record says so; so is the question of texts where their file is not given. In each round
every contender fits the same documents, one after the other; a ratio is that of processor seconds within a round, and shown are the median
and the extremes. BLAS and OpenMP get one thread. Topics of all contenders are judged by the same code: total variation to the true topics
after the best matching, or coherence and document completion on one split.
"""

# ruff: noqa: E402  (threads are told before NumPy is imported)

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import importlib.util
import json
import statistics
import sys
import time
import tracemalloc
import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from functools import reduce
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array, vstack

from bench.machine import describe
from gpupipe.topics import (
    TensorLDA,
    TopicMoments,
    coherence,
    completion_perplexity,
    document_topics,
    find_basis,
    found_topics,
    split_tokens,
)

PEERS = ("scikit-learn", "gensim")
MODULES = {"scikit-learn": "sklearn", "gensim": "gensim"}
Record = dict[str, Any]
Contenders = dict[str, Callable[[], Any]]


def corpus(n_topics: int, n_words: int, n_documents: int, length: int, *, alpha: Any = None, zipf: bool = False, seed: int = 0) -> Any:
    """Documents of the model and their topics: Dirichlet(.05) over words, which are of equal rank or fall off as 1 / rank."""
    chance = np.random.default_rng(seed)
    words = 1 / np.arange(1, n_words + 1) if zipf else np.ones(n_words)
    topics = chance.dirichlet(np.maximum(0.05 * n_words * words / words.sum(), 1e-4), n_topics)
    shares = chance.dirichlet(np.full(n_topics, 1 / n_topics) if alpha is None else alpha, n_documents)
    parts = []
    for at in range(0, n_documents, 1000):
        probabilities = shares[at : at + 1000] @ topics
        parts.append(csr_array(chance.multinomial(length, probabilities / probabilities.sum(axis=1, keepdims=True))))
    return csr_array(vstack(parts)), topics


def matched(found: Any, true: Any) -> tuple[float, int, Any]:
    """Mean total variation to the true topics after the best matching, how many have a cosine above .9, and each one's partner."""
    distances = 0.5 * np.array([np.abs(found - row).sum(axis=1) for row in true]).T
    mine, theirs = linear_sum_assignment(distances)
    cosines = (found[mine] * true[theirs]).sum(axis=1) / np.linalg.norm(found[mine], axis=1) / np.linalg.norm(true[theirs], axis=1)
    return float(distances[mine, theirs].mean()), int((cosines > 0.9).sum()), mine[np.argsort(theirs)]


def in_turns(rounds: int, contenders: Contenders) -> tuple[Record, dict[str, Any]]:
    """Processor seconds of each contender, how many times as long as the first one it takes, and the last results."""
    spent: dict[str, list[float]] = {one: [] for one in contenders}
    results: dict[str, Any] = {}
    for _ in range(rounds):
        for one, call in contenders.items():
            before = time.process_time()
            results[one] = call()
            spent[one].append(time.process_time() - before)
    first = next(iter(contenders))
    ratios = {one: [theirs / ours for theirs, ours in zip(each, spent[first], strict=True)] for one, each in spent.items()}
    times = {
        one: {"median": round(statistics.median(each), 2), "min": round(min(each), 2), "max": round(max(each), 2)}
        for one, each in ratios.items()
        if one != first
    }
    return {"seconds": {one: [round(s, 3) for s in each] for one, each in spent.items()}, f"times as long as {first}": times}, results


def normalised(topics: Any) -> Any:
    """Pseudo-counts as probabilities."""
    return topics / topics.sum(axis=1, keepdims=True)


def by_scikit_learn(counts: Any, n_topics: int, method: str, passes: int) -> Callable[[], Any]:
    """scikit-learn's model with its own defaults."""
    from sklearn.decomposition import LatentDirichletAllocation  # local: a peer

    model = LatentDirichletAllocation(n_topics, max_iter=passes, learning_method=method, random_state=0)
    return lambda: normalised(model.fit(counts).components_)


def by_gensim(counts: Any, n_topics: int, passes: int) -> Callable[[], Any]:
    """gensim's model with its own defaults, on documents in its own form."""
    from gensim.models import LdaModel  # local: a peer

    documents = [
        list(zip(counts.indices[start:stop].tolist(), counts.data[start:stop].astype(int).tolist(), strict=True))
        for start, stop in pairwise(counts.indptr)
    ]
    names = {number: str(number) for number in range(counts.shape[1])}
    return lambda: LdaModel(documents, num_topics=n_topics, id2word=names, passes=passes, random_state=0).get_topics()


def synthetic(rounds: int, installed: set[str], sizes: tuple[int, int, int, int], peers: Sequence[str], *, zipf: bool = False) -> Record:
    """Documents of the model: moments alone, with 5 sweeps, and peers."""
    counts, true = corpus(*sizes, zipf=zipf)
    n_topics = sizes[0]
    contenders: Contenders = {
        "moments": lambda: TensorLDA(n_topics, n_vb=0).fit(counts).components_,
        "moments and 5 sweeps": lambda: TensorLDA(n_topics).fit(counts).components_,
    }
    if "scikit-learn" in installed:
        if "batch" in peers:
            contenders["scikit-learn batch, 10 iterations"] = by_scikit_learn(counts, n_topics, "batch", 10)
        if "online" in peers:
            contenders["scikit-learn online, 5 passes"] = by_scikit_learn(counts, n_topics, "online", 5)
    if "gensim" in installed:
        contenders["gensim, 1 pass"] = by_gensim(counts, n_topics, 1)
    contenders["moments"]()  # first pages and imports are nobody's
    record, results = in_turns(rounds, contenders)
    record["quality"] = {}
    for one, topics in results.items():
        distance, n_found, _ = matched(topics, true)
        record["quality"][one] = {"total_variation": round(distance, 4), "topics_found": n_found}
    return {**record, "topics, words, documents, length": list(sizes), "counts": int(counts.nnz)}


def newsgroups(rounds: int, installed: set[str], file: Path) -> Record:
    """Posts: 5 sweeps beside 5 passes, learned from 9,214 posts and judged on the others; learned from half of each post's words."""
    with np.load(file, allow_pickle=True) as held:
        counts = csr_array((held["data"].astype(float), held["indices"], held["indptr"]), shape=tuple(held["shape"]))
    order = np.random.default_rng(0).permutation(counts.shape[0])
    rest = counts[order[:2000]]
    half, other_half = split_tokens(counts)
    cases = {"other posts": (counts[order[2000:]], *split_tokens(rest)), "other words": (half, half, other_half)}
    even = np.full(20, 1 / 20)
    record: Record = {"documents, words": list(counts.shape), "counts": int(counts.nnz)}
    for case, (train, seen, predicted) in cases.items():
        contenders: Contenders = {
            "moments and 5 sweeps": lambda train=train: _with_alpha(TensorLDA(20).fit(train)),
            "moments": lambda train=train: _with_alpha(TensorLDA(20, n_vb=0).fit(train)),
        }
        if "scikit-learn" in installed:
            fit = by_scikit_learn(train, 20, "online", 5)
            contenders["scikit-learn online, 5 passes"] = lambda fit=fit: (fit(), None)
        if "gensim" in installed:
            fit = by_gensim(train, 20, 5)
            contenders["gensim, 5 passes"] = lambda fit=fit: (fit(), None)
        one_case, results = in_turns(rounds, contenders)
        one_case["quality"] = {}
        for one, (topics, alpha) in results.items():
            gamma = document_topics(seen, topics, even if alpha is None else alpha)
            perplexity = completion_perplexity(predicted, normalised(gamma), topics, np.asarray(train.sum(axis=0)))
            npmi = float(coherence(train, topics).mean())
            one_case["quality"][one] = {"perplexity": round(perplexity, 1), "npmi": round(npmi, 4)}
        record[case] = one_case
    return record


def _with_alpha(model: TensorLDA) -> tuple[Any, Any]:
    return model.components_, model.alpha_


def concentration() -> Record:
    """What ``auto`` finds for three concentrations, and what a true one that is given adds up to; proportions of unequal parameters."""
    record: Record = {"alpha0": {}, "proportions": {}}
    for alpha0 in (0.5, 1.0, 3.0):
        counts, _ = corpus(20, 1000, 10_000, 80, alpha=np.full(20, alpha0 / 20), seed=1)
        moments = TopicMoments.of(counts, find_basis([counts], 30))
        record["alpha0"][str(alpha0)] = {
            "auto": round(found_topics(moments, 20, "auto").alpha0, 4),
            "sum of alpha where it is given": round(float(found_topics(moments, 20, alpha0).alpha.sum()), 4),
        }
    alpha = np.random.default_rng(0).dirichlet(np.full(20, 3.0))
    counts, true = corpus(20, 1000, 10_000, 80, alpha=alpha, seed=2)
    moments = TopicMoments.of(counts, find_basis([counts], 30))
    for alpha0 in (0.3, 1.0, 3.0):
        found = found_topics(moments, 20, alpha0)
        shares = (found.alpha / found.alpha.sum())[matched(found.components, true)[2]]
        record["proportions"][str(alpha0)] = {"median relative error": round(float(np.median(np.abs(shares / alpha - 1))), 4)}
    return record


def shards() -> Record:
    """The largest difference of topics between one block and several cuts, up to 100 shards in another order."""
    counts, _ = corpus(20, 2000, 10_000, 100)
    whole = TensorLDA(20, n_vb=0).fit(counts)
    record = {}
    for n_shards in (2, 7, 100):
        bounds = np.linspace(0, 10_000, n_shards + 1).astype(int)
        parts = [counts[start:stop] for start, stop in pairwise(bounds)][::-1]
        basis = find_basis(parts, 30)
        moments = reduce(TopicMoments.merge, (TopicMoments.of(part, basis) for part in parts))
        found = TensorLDA(20, n_vb=0).fit_moments(moments)
        record[str(n_shards)] = float(np.abs(found.components_ - whole.components_).max())
    return {"largest difference of a probability": record}


def memory() -> Record:
    """The peak of what is allocated by a fit with sweeps, beside the counts and beside what is never made."""
    chance, n_documents, n_words, n_topics = np.random.default_rng(0), 50_000, 50_000, 20
    words = (chance.pareto(0.6, 30 * n_documents) * 5).astype(np.int64) % n_words
    counts = csr_array((np.ones(len(words)), (np.repeat(np.arange(n_documents), 30), words)), shape=(n_documents, n_words))
    counts.sum_duplicates()
    tracemalloc.start()
    TensorLDA(n_topics, n_vb=2).fit(counts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "peak_bytes": peak,
        "bytes of the counts": counts.data.nbytes + counts.indices.nbytes + counts.indptr.nbytes,
        "bytes of words x columns of the basis": 8 * n_words * (n_topics + 10),
        "bytes of documents x words": 8 * n_documents * n_words,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, and write and print it."""
    parser = ArgumentParser(prog="python -m bench.topics", description="Topics by moments beside others.")
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=None, metavar="NAME,NAME", help="parts of names of questions")
    parser.add_argument("--newsgroups", type=Path, metavar="FILE.npz", help="counts of posts: data, indices, indptr, shape of a CSR matrix")
    options = parser.parse_args(arguments)
    installed = {peer for peer, module in MODULES.items() if importlib.util.find_spec(module)}
    warnings.simplefilter("ignore")  # peers warn about what they do not reach
    rounds, file = options.rounds, options.newsgroups
    questions: dict[str, Callable[[], Record]] = {
        "corpus-a": lambda: synthetic(rounds, installed, (20, 2000, 10_000, 100), ("batch", "online")),
        "corpus-b": lambda: synthetic(1, installed, (20, 2000, 50_000, 60), ("online",)),
        "corpus-c": lambda: synthetic(1, installed, (50, 5000, 20_000, 100), ("online",), zipf=True),
        "newsgroups": lambda: newsgroups(rounds, installed, file) if file else {"left_out": "no file was given"},
        "concentration": concentration,
        "shards": shards,
        "memory": memory,
    }
    chosen = {one: ask for one, ask in questions.items() if options.only is None or any(part in one for part in options.only)}
    record: Record = {
        "benchmark": "topics",
        "rounds": rounds,
        "machine": describe(),
        "peers": {peer: version(peer) for peer in sorted(installed)},
        "missing_peers": sorted(set(PEERS) - installed),
    }
    if options.out and options.out.exists():
        record = {**json.loads(options.out.read_text()), **record}
    for one, ask in chosen.items():
        record[one] = ask()
        print(one, json.dumps(record[one]), flush=True)
        if options.out:
            options.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
