"""Networks that go on with sequences: shapes, scheduled sampling, the curriculum; a rotation that is learnt."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch.utils.data import TensorDataset  # noqa: E402

from gpupipe.core.errors import UsageError  # noqa: E402
from gpupipe.deep import History, Moment, Training, train  # noqa: E402
from gpupipe.deep.network import n_parameters  # noqa: E402
from gpupipe.deep.sequence_network import CELLS, SequenceNetwork, SequenceObjective  # noqa: E402


@pytest.mark.parametrize("cell", CELLS)
def test_shapes(cell: str) -> None:
    network = SequenceNetwork(cell, 3, 4, num_layers=2)
    past = torch.randn(5, 6, 3)
    long = network(past, 7)
    assert long.shape == (5, 7, 3)
    torch.testing.assert_close(network(past, 4), long[:, :4])
    part = sum(n_parameters(held) for held in (network.encoder, network.decoder, network.output))
    assert part == n_parameters(network)


def test_what_came_is_the_next_input() -> None:
    torch.manual_seed(0)
    network = SequenceNetwork("tt-lstm", 1, 4)
    past, truth = torch.randn(5, 6, 1), torch.randn(5, 3, 1)
    forced, free = network(past, 3, truth, 1.0), network(past, 3)
    torch.testing.assert_close(forced[:, 0], free[:, 0])
    assert not torch.allclose(forced[:, 1], free[:, 1])
    torch.testing.assert_close(network(past, 3, truth, 0.0), free)


def test_the_curriculum_and_the_share() -> None:
    objective = SequenceObjective(6, curriculum=1, sampling=0.8)
    assert [objective.horizon_at(epoch) for epoch in range(5)] == [1, 2, 4, 6, 6]
    shares = [objective.share_at(Moment(epoch, 10, 0, True, History())) for epoch in range(10)]
    assert shares[0] == 0.8 and shares[5] == 0 and shares == sorted(shares, reverse=True)
    assert objective.share_at(Moment(0, 10, 0, False, History())) == 0


def test_unknown_values_do_not_count() -> None:
    network = SequenceNetwork("gru", 1, 4)
    past, future = torch.zeros(2, 3, 1), torch.zeros(2, 2, 1)
    known = torch.tensor([[True, True], [True, False]])[..., None]
    spoilt = torch.where(known, future, 1e6)
    at = Moment(0, 1, 0, False, History())
    loss, clean = (SequenceObjective(2)(network, (past, values, known), at)[0] for values in (spoilt, future))
    assert loss.item() == pytest.approx(clean.item())
    said = network(past, 2)
    assert loss.item() == pytest.approx((said[0].square().sum() + said[1, 0].square().sum()).item() / 3)


def test_a_wave_is_learnt() -> None:
    at = torch.arange(24.0)[None, :, None] * 0.5 + torch.rand(64, 1, 1, generator=torch.Generator().manual_seed(0)) * 6.28
    wave = at.sin()
    data = TensorDataset(wave[:, :12], wave[:, 12:], torch.ones(64, 12, 1, dtype=torch.bool))
    torch.manual_seed(0)
    network = SequenceNetwork("tt-lstm", 1, 8)
    train(network, SequenceObjective(12, 5, 0.5), data, training=Training(60, 32, 0.02, clip_norm=1.0, device="cpu"))
    with torch.no_grad():
        assert (network(wave[:, :12], 12) - wave[:, 12:]).square().mean() < 0.05  # 0.5 for zeros


def test_errors() -> None:
    with pytest.raises(UsageError, match="Did you mean 'tt-lstm'"):
        SequenceNetwork("tt-lsm")
