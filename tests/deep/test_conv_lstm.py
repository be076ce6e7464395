"""The ConvLSTM: on images of one pixel it is torch's own LSTM."""

from typing import Any

import pytest
import torch
from torch import nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.conv_lstm import ConvLSTM, ConvLSTMCell


def test_on_images_of_one_pixel_it_is_torch_s_lstm() -> None:
    torch.manual_seed(0)
    theirs = nn.LSTM(3, 5, num_layers=2, dtype=torch.float64)
    ours = ConvLSTM(3, 5, 1, num_layers=2, dtype=torch.float64)
    for layer, cell in enumerate(ours.cells):
        joined = torch.cat([getattr(theirs, f"weight_ih_l{layer}"), getattr(theirs, f"weight_hh_l{layer}")], 1)
        bias = getattr(theirs, f"bias_ih_l{layer}") + getattr(theirs, f"bias_hh_l{layer}")
        order = torch.cat([torch.arange(0, 10), torch.arange(15, 20), torch.arange(10, 15)])  # theirs is i, f, g, o
        cell.weight.data, cell.bias.data = joined[order][:, :, None, None].data, bias[order].data
    inputs = torch.randn(7, 2, 3, dtype=torch.float64)
    expected, (hidden, memory) = theirs(inputs)
    output, (our_hidden, our_memory) = ours(inputs[..., None, None])
    assert torch.allclose(output[..., 0, 0], expected, atol=1e-14)
    assert torch.allclose(our_hidden[..., 0, 0], hidden, atol=1e-14) and torch.allclose(our_memory[..., 0, 0], memory, atol=1e-14)


def test_gradients() -> None:
    cell = ConvLSTMCell(2, 3, 3, dtype=torch.float64)
    frames = torch.randn(2, 1, 2, 4, 3, dtype=torch.float64, requires_grad=True)

    def run(frames: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        _, state = cell(frames[0], cell.start(frames[0]))
        return cell(frames[1], state)[0]

    assert torch.autograd.gradcheck(run, (frames, *cell.parameters()), fast_mode=True)


def test_two_parts_of_a_sequence_are_the_whole() -> None:
    network = ConvLSTM(1, 4, 3, 2, dtype=torch.float64)
    frames = torch.randn(7, 3, 1, 5, 5, dtype=torch.float64)
    whole, state = network(frames)
    first, between = network(frames[:3])
    second, after = network(frames[3:], between)
    assert torch.allclose(torch.cat([first, second]), whole, atol=1e-14)
    assert all(torch.allclose(one, other, atol=1e-14) for one, other in zip(state, after, strict=True))


@pytest.mark.parametrize("bias", [True, False])
def test_its_parameters_are_counted(bias: Any) -> None:
    assert sum(part.numel() for part in ConvLSTM(3, 8, 5, 2, bias=bias).parameters()) == 25 * (11 + 16) * 32 + 64 * bias


def test_frames_that_do_not_fit_are_told() -> None:
    with pytest.raises(UsageError, match="with at least one frame, got"):
        ConvLSTM(1, 4, 3)(torch.zeros(0, 2, 1, 4, 4))
    with pytest.raises(UsageError, match="odd kernel_size"):
        ConvLSTMCell(1, 4, 2)
