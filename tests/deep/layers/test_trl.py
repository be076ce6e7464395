"""The regression layer against TensorLy's inner product of tensors with the same weight."""

import numpy as np
import pytest
import tensorly as tl
import torch
from torch import nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers import TRL


def test_it_is_tensorlys_regression() -> None:
    torch.manual_seed(0)
    layer = TRL((6, 3, 4), 5, (2, 3, 2, 4), dtype=torch.float64)
    tensors = torch.randn(7, 6, 3, 4, dtype=torch.float64)
    weight = tl.tucker_to_tensor((layer.core.detach().numpy(), [factor.detach().numpy() for factor in layer.factors]))
    expected = tl.tenalg.inner(tensors.numpy(), weight, n_modes=3) + layer.bias.detach().numpy()
    assert np.allclose(layer(tensors).detach().numpy(), expected, atol=1e-13)


def test_the_parameters_have_the_factor_of_what_comes_out_in_the_core() -> None:
    layer = TRL((32, 7, 7), 10, (16, 3, 3, 8))
    assert sum(part.numel() for part in layer.parameters()) == 16 * 3 * 3 * 8 + 16 * 32 + 3 * 7 + 3 * 7 + 8 * 10 + 10
    assert layer.space_saving == pytest.approx(1 - 1796 / (32 * 49 * 10 + 10))


def test_gradients_reach_every_factor() -> None:
    layer = TRL((4, 2, 3), 3, 2, dtype=torch.float64)
    tensors = torch.randn(2, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda tensors, *_: layer(tensors), (tensors, *layer.parameters()))


def test_a_trained_layer_of_low_rank_is_found_again() -> None:
    source, dense = TRL((6, 3, 4), 5, (2, 3, 2, 4), dtype=torch.float64), nn.Linear(72, 5, dtype=torch.float64)
    dense.weight.data = source.dense_weight().data
    layer = TRL.from_linear(dense, (6, 3, 4), (2, 3, 2, 4))
    tensors = torch.randn(7, 6, 3, 4, dtype=torch.float64)
    assert torch.allclose(layer(tensors), dense(tensors.flatten(1)), atol=1e-12)


def test_it_stands_in_a_network_whose_weights_are_kept_and_loaded() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), TRL((4, 6, 6), 10, 0.2))
    other = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), TRL((4, 6, 6), 10, 0.2))
    other.load_state_dict(network.state_dict())
    images = torch.randn(3, 1, 8, 8)
    assert torch.equal(network(images), other(images))


def test_tensors_of_other_sizes_are_told() -> None:
    with pytest.raises(UsageError, match=r"TRL takes tensors \(n, 4, 2, 3\), got \(2, 4, 3, 2\)"):
        TRL((4, 2, 3), 3, 2)(torch.zeros(2, 4, 3, 2))
