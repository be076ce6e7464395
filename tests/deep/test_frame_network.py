"""The network of frames: published counts of parameters, and that what it shows and keeps changes nothing but what it says."""

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.frame_network import FrameNetwork

SMALL: dict[str, Any] = {"channels": (4, 3, 2), "layers": 2, "kernel_size": 3, "rank": 2}


def count(**options: Any) -> int:
    with torch.device("meta"):
        return sum(part.numel() for part in FrameNetwork(**options).parameters())


@pytest.mark.parametrize(
    ("options", "published"),
    [
        ({"cell": "conv-lstm", "bias": False}, 3_971_280),
        ({"bias": False}, 2_684_880),
        ({"cell": "conv-lstm"}, 3_973_201),
        ({}, 2_687_281),
        ({"version": "v1", "bias": False}, 4_969_680),
        ({"rank": 4, "bias": False}, 2_320_080),
        ({"rank": 16, "bias": False}, 3_472_080),
        ({"order": 2, "bias": False}, 2_761_680),
        ({"steps": 5, "bias": False}, 3_260_880),
        ({"cell": "conv-lstm", "channels": (16,), "layers": 2, "kernel_size": 3}, 28_369),
        ({"channels": (16,), "layers": 2, "kernel_size": 3}, 28_449),
    ],
    ids=str,
)
def test_the_published_counts_of_parameters(options: dict[str, Any], published: Any) -> None:
    assert count(**options) == published


@pytest.mark.parametrize("cell", ["conv-lstm", "conv-tt-lstm"])
def test_later_blocks_see_the_block_before_and_the_one_before_that(cell: Any) -> None:
    network = FrameNetwork(cell, channels=(4, 3, 2), layers=1, kernel_size=3)
    assert [block.input_channels for block in network.blocks] == [1, 4, 3] and network.head.in_channels == 2 + 4
    assert network(torch.zeros(2, 3, 1, 6, 6), 4).shape == (2, 6, 1, 6, 6)


def test_its_own_frames_stand_in_for_those_that_are_not_seen() -> None:
    torch.manual_seed(0)
    network = FrameNetwork(**SMALL, dtype=torch.float64)
    clips = torch.rand(2, 4, 1, 6, 6, dtype=torch.float64)
    made = network(clips, 3)
    seen = torch.cat([clips, made[:, 3:5]], 1)  # what it was shown: four frames, and then its own
    assert torch.allclose(network(seen, 1), made, atol=1e-14)


def test_forced_frames_are_those_of_the_truth() -> None:
    torch.manual_seed(0)
    network = FrameNetwork(**SMALL, dtype=torch.float64)
    clips = torch.rand(2, 7, 1, 6, 6, dtype=torch.float64)
    forced = torch.tensor([[True, True], [False, False]])
    made = network(clips[:, :4], 3, clips[:, 4:], forced)
    assert torch.allclose(made[0], network(clips[:1, :6], 1)[0], atol=1e-14)
    assert torch.allclose(made[1], network(clips[1:, :4], 3)[0], atol=1e-14)


@pytest.mark.parametrize("cell", ["conv-lstm", "conv-tt-lstm"])
def test_what_is_computed_again_gives_the_same_gradients_and_keeps_less(cell: Any) -> None:
    clips = torch.rand(2, 5, 1, 8, 8)
    kept, gradients = [], []
    for checkpoint in (False, True):
        torch.manual_seed(0)
        network = FrameNetwork(cell, **SMALL, checkpoint=checkpoint)
        held: list[int] = []

        def packed(tensor: torch.Tensor, held: list[int] = held) -> torch.Tensor:
            held.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(packed, lambda tensor: tensor):
            loss = network(clips, 4).square().mean()
        loss.backward()
        kept.append(sum(held))
        gradients.append([part.grad.clone() for part in network.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))
    assert kept[1] < kept[0] / 2


@pytest.mark.parametrize("cell", ["conv-lstm", "conv-tt-lstm"])
def test_mixed_precision_keeps_memory_and_frames_in_single_precision(cell: Any) -> None:
    torch.manual_seed(0)
    network, clips = FrameNetwork(cell, **SMALL), torch.rand(2, 4, 1, 8, 8)
    dtypes: set[torch.dtype] = set()
    for block in network.blocks:
        for one in block.cells:
            one.register_forward_hook(lambda module, given, made: dtypes.add(made[1][1].dtype))
    with torch.autocast("cpu", torch.bfloat16):
        low = network(clips, 3)
    assert low.dtype == torch.float32 and dtypes == {torch.float32}
    high = network(clips, 3)
    assert torch.allclose(low, high, atol=0.05) and not torch.equal(low, high)


def test_what_is_saved_and_loaded_says_the_same(tmp_path: Path) -> None:
    network, clips = FrameNetwork(**SMALL), torch.rand(2, 4, 1, 8, 8)
    safetensors.torch.save_file(network.state_dict(), tmp_path / "network.safetensors")
    other = FrameNetwork(**SMALL)
    other.load_state_dict(safetensors.torch.load_file(tmp_path / "network.safetensors"))
    assert torch.equal(network.predict(clips, 3), other.predict(clips, 3))


def test_predictions_are_between_0_and_1_and_those_of_a_sigmoid_anyway() -> None:
    torch.manual_seed(0)
    network = FrameNetwork("conv-lstm", channels=(4,), layers=1, kernel_size=3)
    nn.init.constant_(network.head.bias, 3.0)
    clips = torch.rand(2, 4, 1, 8, 8)
    assert float(network(clips, 2).detach().max()) > 1 and float(network.predict(clips, 2).max()) == 1
    network.sigmoid = True
    assert float(network(clips, 2).detach().min()) > 0 and float(network(clips, 2).detach().max()) < 1


def test_what_does_not_fit_is_told() -> None:
    network = FrameNetwork(**SMALL)
    clips = torch.zeros(2, 3, 1, 6, 6)
    with pytest.raises(UsageError, match=r"takes frames \(n, time, 1, height, width\) and n_ahead from 1 on, got \(2, 3, 6, 6\) and 1"):
        network(clips[:, :, 0])
    with pytest.raises(UsageError, match=r"takes frames of 1 channels, got 3.*image_channels=3"):
        network(clips.expand(2, 3, 3, 6, 6))
    with pytest.raises(UsageError, match="truth and forced together"):
        network(clips, 3, clips)
    with pytest.raises(UsageError, match=r"expects truth \(2, 3, 1, 6, 6\) and forced \(2, 2\), got \(2, 3, 1, 6, 6\) and \(2, 3\)"):
        network(clips, 3, clips, torch.zeros(2, 3, dtype=torch.bool))
    with pytest.raises(UsageError, match="'conv-lstm' or 'conv-tt-lstm'"):
        FrameNetwork("lstm")
    with pytest.raises(UsageError, match="a block or more"):
        FrameNetwork(channels=())
