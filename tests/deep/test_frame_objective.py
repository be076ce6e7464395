"""What a network of frames learns from, by hand; and that it does learn, in seconds."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from gpupipe.core.errors import UsageError
from gpupipe.deep import History, Moment, Training, train
from gpupipe.deep.frame_network import FrameNetwork
from gpupipe.deep.frame_objective import NextFrames, TeacherForcing
from gpupipe.deep.moving_digits import MovingDigits, parts_of


class Shown(nn.Module):
    """Says of each frame that it comes again; keeps what it was given."""

    def forward(self, frames: Tensor, n_ahead: int, truth: Tensor | None = None, forced: Tensor | None = None) -> Tensor:
        self.given = (frames, n_ahead, truth, forced)
        return torch.cat([frames, frames[:, -1:].expand(-1, n_ahead - 1, -1, -1, -1)], 1)


def at(training: bool, losses: tuple[float, ...] = ()) -> Moment:
    history = History([{"epoch": number, "validation_loss": loss} for number, loss in enumerate(losses, 1)])
    return Moment(len(losses), 99, 0, training, history)


CLIPS = torch.tensor([0.0, 0.5, 1.0, 0.25, 0.75]).reshape(1, 5, 1, 1, 1).expand(2, 5, 1, 2, 2)


def test_in_training_every_next_frame_counts() -> None:
    loss, metrics = NextFrames(3)(Shown(), (CLIPS,), at(True))
    assert loss.item() == pytest.approx((0.5**2 + 0.5**2 + 0.75**2 + 0.25**2) / 4) and not metrics
    assert NextFrames(3, squares=0, absolutes=2)(Shown(), (CLIPS,), at(True))[0].item() == pytest.approx(2 * (0.5 + 0.5 + 0.75 + 0.25) / 4)


def test_in_validation_only_what_is_not_seen_counts() -> None:
    loss, metrics = NextFrames(3, absolutes=1)(Shown(), (CLIPS,), at(False))
    assert loss.item() == pytest.approx((0.75**2 + 0.25**2) / 2 + (0.75 + 0.25) / 2)
    assert metrics["squared_error"].item() == pytest.approx((0.75**2 + 0.25**2) / 2)


def test_truth_is_shown_by_the_share_and_not_in_validation() -> None:
    network, clips = Shown(), torch.rand(500, 8, 1, 1, 1)
    NextFrames(3, forcing=TeacherForcing(2, 0.25))(network, (clips,), at(True))
    assert torch.equal(network.given[2], clips[:, 3:]) and network.given[3].all() and network.given[3].shape == (500, 4)
    NextFrames(3, forcing=TeacherForcing(2, 0.25))(network, (clips,), at(True, (2.0, 3.0, 3.0, 3.0, 3.0)))
    assert network.given[3].double().mean().item() == pytest.approx(0.5, abs=0.05)
    NextFrames(3, forcing=TeacherForcing(2, 0.25))(network, (clips,), at(False))
    assert network.given[2] is None and network.given[3] is None


@pytest.mark.parametrize(
    ("losses", "share"),
    [
        ((), 1.0),
        ((3.0, 2.0, 1.0, 0.5), 1.0),
        ((3.0, 2.0, 2.5, 2.5), 1.0),  # the share falls from the epoch after the one that showed it
        ((3.0, 2.0, 2.5, 2.5, 1.0), 0.75),  # and goes on falling
        ((3.0, 2.0, 2.5, 2.5, 1.0, 1.0, 1.0, 1.0), 0.0),
        ((3.0, 2.0, 2.5, 2.5, 1.0, 1.0, 1.0, 1.0, 1.0), 0.0),
    ],
)
def test_the_share_of_truth(losses: tuple[float, ...], share: float) -> None:
    assert TeacherForcing(patience=2, fall=0.25).share(at(True, losses).history) == share


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(UsageError, match="n_seen from 1 on"):
        NextFrames(0)
    with pytest.raises(UsageError, match="a weight above 0"):
        NextFrames(1, squares=0)
    with pytest.raises(UsageError, match="shows 5 frames of clips of 5"):
        NextFrames(5)(Shown(), (CLIPS,), at(True))


@pytest.mark.parametrize("cell", ["conv-lstm", "conv-tt-lstm"])
def test_a_small_network_learns_to_beat_the_black_frame_and_the_copy(cell: str) -> None:
    images = load_digits().images / 16
    train_part, _, test_part = parts_of(len(images))
    clips = {"size": 12, "n_digits": 1, "n_frames": 8}
    learnt = MovingDigits(images[train_part], 160, seed=1, **clips)
    seen, truth = MovingDigits(images[test_part], 60, seed=2, **clips)[range(60)][0].split([4, 4], 1)
    torch.manual_seed(0)
    network = FrameNetwork(cell, channels=(8,), layers=1, kernel_size=5, rank=4)
    train(network, NextFrames(4), learnt, training=Training(4, 8, 0.01, clip_norm=1.0, device="cpu"))
    error = (network.predict(seen, 4) - truth).square().mean().item()
    black, copied = truth.square().mean().item(), (seen[:, -1:] - truth).square().mean().item()
    assert error < 0.6 * black and error < 0.9 * copied, (error, black, copied)
