"""Videos in and out of a network of frames."""

from typing import Any

import numpy as np
import pytest
import torch

from gpupipe.core.errors import StageError
from gpupipe.deep import Training
from gpupipe.deep.frame_network import FrameNetwork
from gpupipe.deep.frame_objective import NextFrames
from gpupipe.deep.frames import go_on, learn_frames

CLIPS = np.random.default_rng(0).uniform(size=(7, 4, 1, 5, 5)).astype(np.float32)


def network_of() -> FrameNetwork:
    torch.manual_seed(0)
    return FrameNetwork("conv-lstm", channels=(2,), layers=1, kernel_size=3)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_batches_change_nothing(batch_size: Any) -> None:
    network = network_of()
    made = go_on(network, CLIPS, 3, device="cpu", batch_size=batch_size, xp=np)
    assert np.allclose(made, network.predict(torch.from_numpy(CLIPS), 3).numpy(), atol=1e-6)


def test_what_is_learnt_from_does_not_tell_the_best_epoch() -> None:
    counts, history = learn_frames(network_of(), NextFrames(2), CLIPS, 0.3, Training(2, device="cpu"))
    assert counts == (5, 2) and history.names == ("epoch", "loss", "validation_loss", "squared_error", "learning_rate", "seconds")
    assert learn_frames(network_of(), NextFrames(2), CLIPS, 0.0, Training(1, device="cpu"))[0] == (7, 0)


def test_too_few_videos_are_told() -> None:
    with pytest.raises(StageError, match="for a validation of 0.1, got 2 in all"):
        learn_frames(network_of(), NextFrames(2), CLIPS[:2], 0.1, Training(1))
    with pytest.raises(StageError, match="to learn from, got 1 in all"):
        learn_frames(network_of(), NextFrames(2), CLIPS[:1], 0.9, Training(1))
