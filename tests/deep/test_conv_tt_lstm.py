"""The Conv-TT-LSTM cell against its equations written with plain convolutions, and against what is published of it."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gpupipe.core.errors import UsageError
from gpupipe.deep.conv_tt_lstm import ConvTTLSTM, ConvTTLSTMCell

VARIANTS = [
    {"order": 3, "steps": 3, "rank": 2},
    {"order": 2, "steps": 4, "rank": 3},
    {"order": 1, "steps": 1, "rank": 2},
    {"order": 1, "steps": 3, "rank": 2},
    {"order": 3, "steps": 3, "rank": 2, "version": "v2"},
    {"order": 3, "steps": 3, "rank": 4, "version": "v1"},
]


def cell_of(**options: Any) -> ConvTTLSTMCell:
    torch.manual_seed(0)
    cell = ConvTTLSTMCell(2, 4, 3, dtype=torch.float64, **options)
    for part in cell.parameters():  # biases start at zero, which would hide one that is forgotten
        part.data += 0.1 * torch.randn_like(part)
    return cell


def by_the_book(cell: ConvTTLSTMCell, frames: Tensor) -> Tensor:
    """Return the hidden states by the equations of section 3 of the paper, with the pre-processing as a 3-D convolution over time."""
    hidden = [frames.new_zeros(frames.shape[1], 4, *frames.shape[3:])] * cell.steps
    memory, made = hidden[0], []
    for frame in frames:
        if cell.window is None:
            windows = hidden
        else:
            stacked = torch.stack(hidden, dim=2)  # (n, channels, time, height, width)
            q = cell.steps - cell.order + 1
            kernels = cell.window.permute(0, 2, 3, 1, 4, 5)  # (order, rank, hidden, q, k, k)
            windows = [
                functional.conv3d(stacked[:, :, at : at + q], kernels[at], cell.window_bias[at], padding=(0, 1, 1))[:, :, 0]
                for at in range(cell.order)
            ]
        train = windows[0]
        for at in range(1, cell.order):
            train = windows[at] + functional.conv2d(train, cell.train_weights[at - 1], cell.train_bias[at - 1], padding=1)
        gates = functional.conv2d(torch.cat([frame, train], 1), cell.weight, cell.bias, padding=1)
        i, f, o, g = gates[:, :4], gates[:, 4:8], gates[:, 8:12], gates[:, 12:]
        memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
        hidden = [*hidden[1:], torch.sigmoid(o) * torch.tanh(memory)]
        made.append(hidden[-1])
    return torch.stack(made)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_it_is_the_paper_s_cell(options: dict[str, Any]) -> None:
    cell = cell_of(**options)
    frames = torch.randn(6, 2, 2, 5, 4, dtype=torch.float64)
    state, made = cell.start(frames[0]), []
    for frame in frames:
        hidden, state = cell(frame, state)
        made.append(hidden)
    assert torch.allclose(torch.stack(made), by_the_book(cell, frames), atol=1e-13)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_its_parameters_are_counted(options: dict[str, Any]) -> None:
    cell = cell_of(**options)
    order, rank = options["order"], options["rank"]
    windows = 0 if cell.window is None else order * 9 * (options["steps"] - order + 1) * 4 * rank + order * rank
    rest = (order - 1) * (9 * rank**2 + rank) + 9 * (rank + 2) * 16 + 16
    assert sum(part.numel() for part in cell.parameters()) == windows + rest


def test_v2_is_v4_where_a_window_has_one_state() -> None:
    frames = torch.randn(4, 2, 2, 5, 5, dtype=torch.float64)
    second, fourth = (ConvTTLSTM(2, 4, 3, order=3, steps=3, rank=2, version=version, dtype=torch.float64) for version in ("v2", "v4"))
    fourth.load_state_dict(second.state_dict())
    assert torch.equal(second(frames)[0], fourth(frames)[0])


@pytest.mark.parametrize("options", [VARIANTS[1], VARIANTS[5]], ids=str)
def test_gradients(options: dict[str, Any]) -> None:
    cell = cell_of(**options)
    frames = torch.randn(3, 1, 2, 3, 3, dtype=torch.float64, requires_grad=True)

    def run(frames: Tensor, *_: Tensor) -> Tensor:
        state = cell.start(frames[0])
        for frame in frames:
            hidden, state = cell(frame, state)
        return hidden

    assert torch.autograd.gradcheck(run, (frames, *cell.parameters()), fast_mode=True)


@pytest.mark.parametrize("options", [{}, {"steps": 4, "order": 2}, {"version": "v1", "rank": 4}], ids=str)
def test_two_parts_of_a_sequence_are_the_whole(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = ConvTTLSTM(1, 4, 3, 2, batch_first=True, dtype=torch.float64, **options)
    clips = torch.randn(3, 7, 1, 5, 5, dtype=torch.float64)
    whole, state = network(clips)
    first, between = network(clips[:, :3])
    second, after = network(clips[:, 3:], between)
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-14)
    assert all(torch.allclose(one, other, atol=1e-14) for one, other in zip(state, after, strict=True))


def test_clips_do_not_see_one_another() -> None:
    network = ConvTTLSTM(1, 4, 3, batch_first=True, dtype=torch.float64)
    clips = torch.randn(4, 5, 1, 5, 5, dtype=torch.float64)
    turned = torch.tensor([2, 0, 3, 1])
    assert torch.allclose(network(clips[turned])[0], network(clips)[0][turned], atol=1e-14)


def test_time_first_is_batch_first_turned() -> None:
    network, frames = ConvTTLSTM(1, 4, 3), torch.randn(5, 2, 1, 6, 6)
    output = network(frames)[0]
    network.batch_first = True
    assert torch.equal(network(frames.transpose(0, 1))[0], output.transpose(0, 1))


def test_it_starts_by_xavier_s_rule_with_biases_of_zero() -> None:
    cell = ConvTTLSTMCell(3, 16, 5, order=2, steps=3, rank=8)
    bound = (6 / (25 * (2 * 16 + 8))) ** 0.5
    assert bound * 0.98 < float(cell.window.detach().abs().max()) <= bound
    assert not any(part.any() for part in (cell.window_bias, cell.train_bias, cell.bias))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 4}, "odd kernel_size"),
        ({"version": "v3"}, "'v1', 'v2' or 'v4'"),
        ({"order": 3, "steps": 2}, "steps of at least the order"),
        ({"version": "v2", "steps": 4}, "as many steps as the order"),
        ({"version": "v1"}, "its rank is hidden_channels, 16; got 8"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_told(options: dict[str, Any], message: Any) -> None:
    with pytest.raises(UsageError, match=message):
        ConvTTLSTM(1, 16, **options)


def test_inputs_of_another_shape_are_told() -> None:
    with pytest.raises(UsageError, match=r"ConvTTLSTM takes inputs \(n, time, 1, height, width\).*got \(2, 3, 2, 4, 4\)"):
        ConvTTLSTM(1, 4, 3, batch_first=True)(torch.zeros(2, 3, 2, 4, 4))
