"""Tensor-train cells against the outer product written out, against torch's LSTM, and against the counts of the paper's tables."""

from __future__ import annotations

import string

import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import Tensor, nn  # noqa: E402

from gpupipe.core.errors import UsageError  # noqa: E402
from gpupipe.deep.tt_cell import TTLSTMCell, TTRNNCell, contract_train  # noqa: E402


def outer_product(cores: list[Tensor], states: Tensor) -> Tensor:
    """Return what the authors' code computes: the full tensor of the train times the outer product of the states."""
    order, ranks = len(cores), string.ascii_uppercase
    dims = string.ascii_lowercase[: len(cores)]
    train = ",".join(f"{ranks[p]}{dims[p]}{ranks[p + 1]}" for p in range(order))
    full = torch.einsum(f"{train}->{ranks[0]}{dims}{ranks[order]}", *cores)[0]
    product = states
    for _ in range(order - 1):
        product = (product[:, :, None] * states[:, None, :]).flatten(1)
    return product @ full.flatten(0, -2)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)], ids=["f32", "f64"])
def test_the_outer_product_is_the_same(order: int, dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(order)
    cell = TTLSTMCell(3, 4, lags=2, order=order, rank=3).to(dtype)
    states = torch.randn(6, 9, dtype=dtype) / 3
    cores = [core.detach() for core in cell.cores]
    torch.testing.assert_close(contract_train(cores, states), outer_product(cores, states), rtol=0, atol=tolerance)


def test_one_lag_and_order_one_are_an_lstm() -> None:
    torch.manual_seed(0)
    cell, theirs = TTLSTMCell(3, 4, lags=1, order=1).double(), nn.LSTMCell(3, 4).double()
    with torch.no_grad():
        theirs.weight_ih.copy_(cell.weight_ih)
        theirs.weight_hh.copy_(cell.cores[0][0, :4].T)
        theirs.bias_hh.copy_(cell.cores[0][0, 4])
        theirs.bias_ih.copy_(cell.bias + torch.tensor([0.0, 1, 0, 0]).repeat_interleave(4))
    x, state, expected = torch.randn(5, 7, 3).double(), None, None
    for step in x:
        state = cell(step, state)
        expected = theirs(step, expected)
        torch.testing.assert_close((state[0][-1], state[1]), expected, rtol=0, atol=1e-12)


def test_one_lag_and_order_one_are_an_rnn() -> None:
    torch.manual_seed(0)
    cell, theirs = TTRNNCell(3, 4, lags=1, order=1).double(), nn.RNNCell(3, 4).double()
    with torch.no_grad():
        theirs.weight_ih.copy_(cell.weight_ih)
        theirs.weight_hh.copy_(cell.cores[0][0, :4].T)
        theirs.bias_hh.copy_(cell.cores[0][0, 4])
        theirs.bias_ih.copy_(cell.bias)
    x, h = torch.randn(7, 3).double(), torch.randn(7, 4).double()
    torch.testing.assert_close(cell(x, h[None])[-1], theirs(x, h), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [TTLSTMCell, TTRNNCell])
def test_gradients(kind: type) -> None:
    torch.manual_seed(1)
    cell = kind(2, 3, lags=2, order=3, rank=2).double()
    x = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    h = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    c = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    weights = list(cell.parameters())

    def stepped(*given: Tensor) -> Tensor:
        made = cell(given[0], (given[1], given[2]) if kind is TTLSTMCell else given[1])
        return torch.cat([part.flatten() for part in made])

    assert torch.autograd.gradcheck(lambda *given: stepped(*given[:3]), (x, h, c, *weights))


def test_the_newest_state_is_the_last() -> None:
    cell = TTLSTMCell(1, 2, lags=3)
    first = cell(torch.ones(4, 1))
    second = cell(torch.ones(4, 1), first)
    assert torch.equal(second[0][1], first[0][2]) and torch.equal(second[0][0], first[0][1]) and not first[0][:2].any()


def test_the_first_values_have_the_size_of_the_states() -> None:
    """A standard deviation of rms(s) ** order, whatever the ranks: see the initialization."""
    torch.manual_seed(0)
    states = torch.randn(2000, 33)
    states = states / states.square().mean(1, keepdim=True).sqrt() / 3
    for order in (1, 2, 3):
        made = torch.cat([contract_train(list(TTLSTMCell(1, 16, order=order, rank=4).cores), states) for _ in range(20)])
        assert made.std().item() == pytest.approx(3.0**-order, rel=0.25)


def test_errors() -> None:
    for options, message in (
        ({"lags": 0}, "lags must be a whole number from 1 on, got 0"),
        ({"order": 2.0}, "order must be"),
        ({"order": 3, "rank": (2,)}, "or 2 of them"),
        ({"rank": 0}, "rank must be a whole number from 1 on"),
    ):
        with pytest.raises(UsageError, match=message):
            TTLSTMCell(1, 2, **options)
    assert TTLSTMCell(1, 2, order=3, rank=[2, 5]).ranks == (1, 2, 5, 8)
