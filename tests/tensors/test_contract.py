from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import numpy as np
import opt_einsum
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.tensors._path import find_path
from gpupipe.tensors.contract import _is_view, _plan, _strides

CASES = """abc,cd->abd ab,ab-> ab,ba->ab abc,abd->acd aab,b->a aa-> abc-> abc->cb a,b->ab ab,bc,cd ab,bc,cd,de,ea-> abc,bd,ce->ade a,a,a->a
abcd,efgh->cg abc,dbe,ebf->afd ab,b ab abcd,bcda->ac ,a->a""".split()  # noqa: SIM905  (a line each is a screen of them)
SIZES = dict(zip("abcdefgh", (2, 3, 4, 5, 1, 2, 3, 2), strict=True))


def arrays(subscripts: str, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=[SIZES[label] for label in labels]) for labels in subscripts.partition("->")[0].split(",")]


@pytest.mark.parametrize("subscripts", CASES)
def test_as_numpy(subscripts: str) -> None:
    operands = arrays(subscripts)
    found, wanted = gt.contract(subscripts, *operands), np.einsum(subscripts, *operands)
    assert found.shape == wanted.shape
    assert np.allclose(found, wanted)


def test_all_cases_of_a_tensor_and_a_matrix_need_no_copy() -> None:
    """The 36 cases of an order 3 and an order 2 tensor with one label in common, in every order of all labels."""
    rng = np.random.default_rng(0)
    for left in permutations("abk"):
        for right in permutations("kd"):
            for output in permutations("abd"):
                sizes = {"a": 20, "b": 30, "k": 40, "d": 50}
                a, b = (rng.normal(size=[sizes[label] for label in labels]) for labels in (left, right))
                subscripts = f"{''.join(left)},{''.join(right)}->{''.join(output)}"
                assert np.allclose(gt.contract(subscripts, a, b), np.einsum(subscripts, a, b)), subscripts
                strides = _strides(a, "".join(left)), _strides(b, "".join(right))
                plan = _plan(*strides, "".join(output), 8)
                assert _is_view(strides[0], (plan.rows, plan.summed)), subscripts
                assert _is_view(strides[1], (plan.summed, plan.columns)), subscripts


TERMS = st.lists(st.text("abcdefg", min_size=1, max_size=4).map(lambda text: "".join(dict.fromkeys(text))), min_size=2, max_size=6)


@given(TERMS, st.randoms(use_true_random=False))
def test_networks_as_opt_einsum(terms: list[str], random: Any) -> None:
    every = sorted(set("".join(terms)))
    output = "".join(random.sample(every, random.randint(0, min(3, len(every)))))
    subscripts = f"{','.join(terms)}->{output}"
    operands = arrays(subscripts)
    assert np.allclose(gt.contract(subscripts, *operands), opt_einsum.contract(subscripts, *operands))


@given(TERMS, st.randoms(use_true_random=False))
def test_paths_are_as_cheap_as_the_best(terms: list[str], random: Any) -> None:
    """Held to opt_einsum's exhaustive search, which may hold larger products on the way."""
    sizes = {label: random.randint(2, 20) for label in "abcdefg"}
    output = "".join(sorted(set("".join(terms))))[:2]
    subscripts, shapes = f"{','.join(terms)}->{output}", [tuple(sizes[label] for label in term) for term in terms]
    ours = find_path(terms, output, sizes)
    limit = max(int(np.prod(shape)) for shape in [*shapes, tuple(sizes[label] for label in output)])
    best = opt_einsum.contract_path(subscripts, *shapes, shapes=True, optimize="optimal", memory_limit="max_input")[1]
    found = opt_einsum.contract_path(subscripts, *shapes, shapes=True, optimize=ours)[1]
    assert found.opt_cost <= best.opt_cost or found.largest_intermediate <= limit


def test_many_operands_take_a_greedy_path() -> None:
    labels = "abcdefghijkl"
    terms = [left + right for left, right in pairwise(labels)]
    rng = np.random.default_rng(0)
    operands = [rng.normal(size=(3, 3)) for _ in terms]
    product = np.linalg.multi_dot(operands)
    assert np.allclose(gt.contract(f"{','.join(terms)}->al", *operands), product)


def test_views_of_any_strides() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(6, 8, 10)), rng.normal(size=(10, 12))
    for left, right in ((a[::2, ::-1], b[:, ::3]), (a.transpose(1, 0, 2), b), (np.broadcast_to(a[:1], a.shape), b)):
        assert np.allclose(gt.contract("abc,cd->dab", left, right), np.einsum("abc,cd->dab", left, right))


def test_dtypes() -> None:
    a, b = arrays("ab,bc->ac")
    assert gt.contract("ab,bc->ac", a.astype(np.float32), b.astype(np.float32)).dtype == np.float32
    whole = np.arange(6).reshape(2, 3)
    assert gt.contract("ab,cb->ac", whole, whole).tolist() == (whole @ whole.T).tolist()
    assert np.allclose(gt.contract("ab,bc->ac", a + 1j, b), (a + 1j) @ b)


@pytest.mark.parametrize(
    ("subscripts", "said"),
    [
        ("ab,bc->aa", "has each label once"),
        ("ab,bc->ax", "only labels of the operands"),
        ("ab->a", "got 2 arrays for subscripts 'ab->a', which name 1"),
        ("abc,bc->a", r"Subscripts 'abc' are 3 for an array of shape \(2, 3\)"),
        ("ab,ac->b", "Label 'a' has size 2 in one array and 3 in another"),
        ("a...,bc->a", "letters, commas and an arrow"),
    ],
)
def test_what_does_not_fit(subscripts: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        gt.contract(subscripts, np.ones((2, 3)), np.ones((3, 4)))
