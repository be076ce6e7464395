"""`gpupipe.tensors` against TensorLy, NumPy's einsum and opt_einsum: equal errors, one process, one BLAS thread, processor seconds.

::

    python -m bench.tensors --out bench/results/NAME.json
    python -m bench.tensors --only tucker,train --rounds 5

A question has contenders. In each round all run one after the other, another one first each time; a ratio is of two runs of one round, and
the median over rounds counts. A first run of ours, of each question, is not timed. The floors are what the library promises on any machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import opt_einsum
from scipy.optimize import linear_sum_assignment
from tensorly.decomposition import non_negative_parafac_hals, parafac, tensor_train, tucker
from tensorly.regression import CPRegressor
from threadpoolctl import threadpool_info, threadpool_limits

import gpupipe.tensors as gt
from bench.machine import describe

SEEDS = 8
TOL = 1e-8


@dataclass(frozen=True)
class Question:
    """Something that several programs do.

    Parameters
    ----------
    contenders
        By name; ``"ours"`` is compared with each of the others. Each returns what `facts` makes numbers of.
    floors
        How many times as fast ours is to be, by the name of the other.
    facts
        Numbers of an answer, such as its error.
    """

    name: str
    contenders: dict[str, Callable[[], Any]]
    floors: dict[str, float]
    facts: Callable[[Any], dict[str, float]] = field(default=lambda _: {})


def noisy_cp(shape: Sequence[int], rank: int = 10, share: float = 0.1, seed: int = 0, *, positive: bool = False) -> tuple[Any, list[Any]]:
    """Return a tensor of a CP rank with noise of a share of its norm, and its factors."""
    rng = np.random.default_rng(seed)
    factors = [rng.uniform(size=(size, rank)) if positive else rng.normal(size=(size, rank)) for size in shape]
    tensor = gt.cp_to_tensor((None, factors))
    noise = rng.normal(size=shape)
    return tensor + share * np.linalg.norm(tensor) / np.linalg.norm(noise) * noise, factors


def match_score(first: Sequence[Any], second: Sequence[Any]) -> float:
    """Return the mean over the best pairs of components of the product of their absolute cosines."""
    score = 1.0
    for left, right in zip(first, second, strict=True):
        score = score * np.abs((left / np.linalg.norm(left, axis=0)).T @ (right / np.linalg.norm(right, axis=0)))
    rows, columns = linear_sum_assignment(-score)
    return float(score[rows, columns].mean())


def distance(tensor: Any, model: Any) -> float:
    """Return the relative error."""
    return float(np.linalg.norm(tensor - model) / np.linalg.norm(tensor))


def cp() -> Iterator[Question]:
    """Several starts against TensorLy's one."""
    for shape in ((200, 200, 200), (100, 100, 100), (50, 50, 50, 50)):
        tensor, factors = noisy_cp(shape)

        def facts(found: Any, tensor: Any = tensor, factors: Any = factors) -> dict[str, float]:
            return {"error": distance(tensor, gt.cp_to_tensor(tuple(found))), "match": match_score(found[1], factors)}

        yield Question(
            f"CP {'x'.join(map(str, shape))} rank 10",
            {
                "ours": lambda tensor=tensor: gt.parafac(tensor, 10, tol=TOL),
                "TensorLy": lambda tensor=tensor: parafac(tensor, 10, init="svd", tol=TOL),
                "TensorLy, randomized": lambda tensor=tensor: parafac(
                    tensor, 10, init="svd", svd="randomized_svd", tol=TOL, random_state=0
                ),
            },
            {"TensorLy": 30, "TensorLy, randomized": 8} if shape[0] == 200 else {},
            facts,
        )


def sweeps() -> Iterator[Question]:
    """Ten sweeps from one start, the same iterates."""
    for shape, floor in (((200, 200, 200), 2), ((100, 100, 100), 2), ((50, 50, 50, 50), 3)):
        tensor, _ = noisy_cp(shape)
        start = [np.random.default_rng(1).normal(size=(size, 10)) for size in shape]

        def theirs(tensor: Any = tensor, start: Any = start) -> Any:
            return parafac(tensor, 10, init=(np.ones(10), [factor.copy() for factor in start]), n_iter_max=10, tol=0, return_errors=True)

        yield Question(
            f"10 sweeps of CP {'x'.join(map(str, shape))}",
            {
                "ours": lambda tensor=tensor, start=start: gt.parafac(
                    tensor, 10, init=(None, start), n_iter_max=10, tol=0.0, return_errors=True
                ),
                "TensorLy": theirs,
            },
            {"TensorLy": floor},
            lambda found: {"error": float(found[1][-1])},
        )


def reads() -> Iterator[Question]:
    """Ten sweeps beside twenty reads of the tensor: the least that any way of doing it must read."""
    tensor, _ = noisy_cp((200, 200, 200))
    start = [np.random.default_rng(1).normal(size=(size, 10)) for size in tensor.shape]
    flat = tensor.reshape(-1)
    yield Question(
        "10 sweeps of CP 200x200x200 beside 20 reads",
        {
            "ours": lambda: gt.parafac(tensor, 10, init=(None, start), n_iter_max=10, tol=0.0),
            "reads by sum": lambda: [flat.sum() for _ in range(20)],
            "reads by dot": lambda: [flat @ flat for _ in range(20)],
        },
        {"reads by sum": 1 / 4},
    )


def tucker_and_train() -> Iterator[Question]:
    """Tucker and tensor trains, default and randomized."""
    for shape in ((200, 200, 200), (100, 100, 100), (50, 50, 50, 50)):
        tensor, _ = noisy_cp(shape)
        ranks, large = [10] * len(shape), shape[0] == 200
        yield Question(
            f"Tucker {'x'.join(map(str, shape))} rank 10",
            {
                "ours": lambda tensor=tensor, ranks=ranks: gt.tucker(tensor, ranks, tol=TOL),
                "TensorLy": lambda tensor=tensor, ranks=ranks: tucker(tensor, ranks, tol=TOL),
                "TensorLy, randomized": lambda tensor=tensor, ranks=ranks: tucker(
                    tensor, ranks, svd="randomized_svd", tol=TOL, random_state=0
                ),
            },
            {"TensorLy": 20, "TensorLy, randomized": 4} if large else {},
            lambda found, tensor=tensor: {"error": distance(tensor, gt.tucker_to_tensor(tuple(found)))},
        )
        yield Question(
            f"train {'x'.join(map(str, shape))} rank 10",
            {
                "ours": lambda tensor=tensor: gt.tensor_train(tensor, 10),
                "TensorLy": lambda tensor=tensor: tensor_train(tensor, 10),
                "TensorLy, randomized": lambda tensor=tensor: tensor_train(tensor, 10, svd="randomized_svd"),
            },
            {"TensorLy": 15, "TensorLy, randomized": 2} if large else {},
            lambda found, tensor=tensor: {"error": distance(tensor, gt.tt_to_tensor(list(found)))},
        )


def nonnegative() -> Iterator[Question]:
    """Non-negative CP: ours with its starts, theirs with 100 sweeps of HALS."""
    for shape in ((200, 200, 200), (100, 100, 100)):
        tensor, _ = noisy_cp(shape, share=0.05, seed=1, positive=True)
        yield Question(
            f"non-negative CP {'x'.join(map(str, shape))} rank 10",
            {
                "ours": lambda tensor=tensor: gt.non_negative_parafac_hals(tensor, 10),
                "TensorLy": lambda tensor=tensor: non_negative_parafac_hals(
                    tensor, 10, n_iter_max=100, tol=1e-7, init="random", random_state=0
                ),
            },
            {"TensorLy": 2},
            lambda found, tensor=tensor: {"error": distance(tensor, gt.cp_to_tensor(tuple(found)))},
        )


def outer_products(rows: Any) -> Any:
    """Return the third moment as the mean of all outer products: what TensorLy's `higher_order_moment` means to do."""
    products = rows[:, :, None] * rows[:, None, :]
    return (products[:, :, :, None] * rows[:, None, None, :]).mean(0)


def moments() -> Iterator[Question]:
    """The third moment."""
    for n, size in ((1000, 40), (2000, 50)):
        rows = np.random.default_rng(0).normal(size=(n, size))
        yield Question(
            f"third moment {n} x {size}",
            {
                "ours": lambda rows=rows: gt.moment(rows, 3),
                "outer products": lambda rows=rows: outer_products(rows),
                "opt_einsum": lambda rows=rows: opt_einsum.contract("zi,zj,zk->ijk", rows, rows, rows) / len(rows),
            },
            {"outer products": 20},
            lambda found: {"norm": float(np.linalg.norm(found))},
        )


def contractions() -> Iterator[Question]:
    """An order 3 tensor and a matrix, in six layouts."""
    rng = np.random.default_rng(0)
    tensor, matrix = rng.normal(size=(120, 120, 120)), rng.normal(size=(120, 64))
    for subscripts in ("ijk,kl->ijl", "ijk,jl->ikl", "ijk,il->jkl", "ijk,kl->lij", "ijk,jl->ilk", "ijk,il->ljk"):
        yield Question(
            f"contraction {subscripts}",
            {
                "ours": lambda subscripts=subscripts: gt.contract(subscripts, tensor, matrix),
                "einsum": lambda subscripts=subscripts: np.einsum(subscripts, tensor, matrix),
                "opt_einsum": lambda subscripts=subscripts: opt_einsum.contract(subscripts, tensor, matrix),
            },
            {"einsum": 5, "opt_einsum": 1 / 1.1},
            lambda found: {"norm": float(np.linalg.norm(found))},
        )


def regression() -> Iterator[Question]:
    """CP regression, scored on rows that were not seen."""
    rng = np.random.default_rng(0)
    weights = gt.cp_to_tensor((None, [rng.normal(size=(size, 4)) for size in (24, 24, 8)]))
    samples = rng.normal(size=(3000, 24, 24, 8))
    target = np.tensordot(samples, weights, 3)
    noisy = target + 0.05 * target.std() * rng.normal(size=3000)
    train, test = samples[:2000], samples[2000:]

    def facts(model: Any) -> dict[str, float]:
        return {"R2": float(1 - ((model.predict(test) - target[2000:]) ** 2).sum() / ((target[2000:] - target[2000:].mean()) ** 2).sum())}

    yield Question(
        "CP regression 2000 x (24, 24, 8) rank 4",
        {
            "ours": lambda: gt.CPRegressor(4).fit(train, noisy[:2000]),
            "TensorLy": lambda: CPRegressor(4, verbose=0, random_state=0).fit(train, noisy[:2000]),
        },
        {"TensorLy": 2},
        facts,
    )


PARTS: dict[str, Callable[[], Iterator[Question]]] = {
    "cp": cp,
    "sweeps": sweeps,
    "reads": reads,
    "tucker": tucker_and_train,
    "nonnegative": nonnegative,
    "moments": moments,
    "contractions": contractions,
    "regression": regression,
}


def asked(question: Question, rounds: int) -> dict[str, Any]:
    """Return seconds of all rounds, facts of the last answers, and the ratios of ours to the others."""
    names = list(question.contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    facts: dict[str, dict[str, float]] = {}
    question.contenders["ours"]()
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.process_time()
            answer = question.contenders[name]()
            seconds[name].append(time.process_time() - started)
            facts[name] = question.facts(answer)
    ratios = {}
    for other in names[1:]:
        each = [their / our for their, our in zip(seconds[other], seconds["ours"], strict=True)]
        floor = question.floors.get(other)
        ratios[other] = {"median": statistics.median(each), "least": min(each), "most": max(each), "floor": floor}
        ratios[other]["met"] = None if floor is None else statistics.median(each) >= floor
    return {"question": question.name, "cpu_seconds": seconds, "facts": facts, "ratios": ratios}


def of_seeds() -> dict[str, Any]:
    """Return errors and factor matches of CP 200x200x200 from eight seeds; each is to be within 1e-5 of the least, and to match 0.999."""
    tensor, factors = noisy_cp((200, 200, 200))
    found = [gt.parafac(tensor, 10, tol=TOL, random_state=seed, return_errors=True) for seed in range(SEEDS)]
    errors = [errors[-1] for _, errors in found]
    matches = [match_score(cp_tensor.factors, factors) for cp_tensor, _ in found]
    good = sum(error <= min(errors) * (1 + 1e-5) and match >= 0.999 for error, match in zip(errors, matches, strict=True))
    return {"errors": errors, "matches": matches, "good": good, "of": SEEDS}


def memory() -> dict[str, float]:
    """Return the highest memory of each fit beside the tensor, the tensor included; the floor is 1.2."""
    tensor, _ = noisy_cp((200, 200, 200))
    peaks = {}
    for name, fit in (
        ("CP", lambda: gt.parafac(tensor, 10)),
        ("Tucker", lambda: gt.tucker(tensor, 10)),
        ("train", lambda: gt.tensor_train(tensor, 10)),
        ("non-negative CP", lambda: gt.non_negative_parafac_hals(tensor, 10, n_iter_max=3)),
    ):
        tracemalloc.start()
        fit()
        peaks[name] = 1 + tracemalloc.get_traced_memory()[1] / tensor.nbytes
        tracemalloc.stop()
    return peaks


def table(results: Sequence[dict[str, Any]]) -> str:
    """Return the ratios as a Markdown table."""
    lines = ["| question | against | times as fast | range | floor | ours, cpu s |", "|---|---|---|---|---|---|"]
    for result in results:
        ours = statistics.median(result["cpu_seconds"]["ours"])
        for other, ratio in result["ratios"].items():
            floor = "" if ratio["floor"] is None else f"{ratio['floor']:.3g}" + ("" if ratio["met"] else " (missed)")
            spread = f"{ratio['least']:.3g} to {ratio['most']:.3g}"
            lines.append(f"| {result['question']} | {other} | {ratio['median']:.3g} | {spread} | {floor} | {ours:.3g} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask the questions, print a table, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join([*PARTS, "seeds", "memory"]), help="parts, by name")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="tensorly")
    only = options.only.split(",")
    record: dict[str, Any] = {"machine": describe()}
    with threadpool_limits(1):
        record["blas"] = [
            {key: one.get(key) for key in ("internal_api", "version", "architecture", "num_threads")} for one in threadpool_info()
        ]
        record["rounds"], record["questions"] = options.rounds, []
        for name in only:
            for question in PARTS[name]() if name in PARTS else ():
                record["questions"].append(asked(question, options.rounds))
                print(table(record["questions"][-1:]).split("\n", 2)[2], flush=True)
        if "seeds" in only:
            record["seeds"] = of_seeds()
        if "memory" in only:
            record["memory"] = memory()
    print(json.dumps({key: record[key] for key in ("blas", "seeds", "memory") if key in record}, indent=1))
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
