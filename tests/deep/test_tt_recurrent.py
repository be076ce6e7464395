"""Layers over sequences: their parameters as counted by hand, and their state."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import nn  # noqa: E402

from gpupipe.core.errors import UsageError  # noqa: E402
from gpupipe.deep.network import n_parameters  # noqa: E402
from gpupipe.deep.tt_recurrent import TTLSTM, TTRNN  # noqa: E402


@pytest.mark.parametrize(("lags", "order", "rank", "expected"), [(1, 1, 1, 4543), (2, 2, 2, 10947), (3, 2, 4, 27847), (3, 3, 4, 29415)])
def test_parameters_of_two_layers_and_an_output(lags: int, order: int, rank: int, expected: int) -> None:
    """Order 1 and one lag: an LSTM's 4,415 and the rows of the one that stands beside the states."""
    network = nn.ModuleList([TTLSTM(15, 16, lags, order, rank, num_layers=2), nn.Linear(16, 15)])
    assert n_parameters(network) == expected


@pytest.mark.parametrize("kind", [TTLSTM, TTRNN])
def test_two_parts_of_a_sequence_are_the_whole(kind: type) -> None:
    torch.manual_seed(0)
    layers = kind(3, 4, lags=3, order=2, rank=2, num_layers=2).double()
    x = torch.randn(9, 5, 3).double()
    whole, end = layers(x)
    first, state = layers(x[:4])
    second, last = layers(x[4:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=0, atol=1e-14)
    torch.testing.assert_close(last, end, rtol=0, atol=1e-14)
    turned, _ = layers(x[:, [4, 2, 0, 1, 3]])
    torch.testing.assert_close(turned, whole[:, [4, 2, 0, 1, 3]], rtol=0, atol=1e-14)
    layers.batch_first = True
    torch.testing.assert_close(layers(x.transpose(0, 1))[0], whole.transpose(0, 1), rtol=0, atol=0)


def test_dropout_is_between_layers_and_for_training() -> None:
    torch.manual_seed(0)
    layers = TTLSTM(3, 4, num_layers=2, dropout=0.5)
    x = torch.randn(4, 2, 3)
    assert not torch.equal(layers(x)[0], layers(x)[0])
    layers.eval()
    assert torch.equal(layers(x)[0], layers(x)[0])
    single = TTLSTM(3, 4, dropout=0.5)
    assert torch.equal(single(x)[0], single(x)[0])


def test_errors() -> None:
    with pytest.raises(UsageError, match="num_layers"):
        TTLSTM(1, 2, num_layers=0)


@pytest.mark.parametrize(
    ("layers", "given", "said"),
    [
        (TTLSTM(3, 4), (torch.zeros(5, 2, 4),), r"\[time, batch, 3\] of one step or more, got the shape \(5, 2, 4\)"),
        (TTRNN(3, 4, batch_first=True), (torch.zeros(5, 3),), r"\[batch, time, 3\] of one step or more, got the shape \(5, 3\)"),
        (TTLSTM(3, 4), (torch.zeros(0, 2, 3),), "of one step or more"),
        (
            TTLSTM(3, 4),
            (torch.zeros(5, 2, 3), (torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 4))),
            r"h of shape \(1, 2, 2, 4\), got \(1, 2, 3, 4\)",
        ),
        (TTLSTM(3, 4), (torch.zeros(5, 2, 3), (torch.zeros(1, 2, 2, 4), torch.zeros(1, 4))), r"c of shape \(1, 2, 4\), got \(1, 4\)"),
        (TTRNN(3, 4), (torch.zeros(5, 2, 3), torch.zeros(2, 2, 2, 4)), r"h of shape \(1, 2, 2, 4\)"),
    ],
)
def test_other_shapes_are_told(layers: nn.Module, given: tuple[object, ...], said: str) -> None:
    """A sequence without a batch would be added to states of every length, and give numbers."""
    with pytest.raises(UsageError, match=said):
        layers(*given)
