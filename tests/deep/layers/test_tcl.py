"""The contraction layer against TensorLy's mode products with the same factors."""

from typing import Any

import numpy as np
import pytest
import tensorly as tl
import torch
from torch import nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers import TCL


@pytest.mark.parametrize(("sizes", "rank"), [((6, 3, 4), (2, 3, 1)), ((5,), (2,)), ((3, 4), (3, 2)), ((2, 3, 2, 4), 2)])
def test_it_is_tensorlys_mode_products(sizes: tuple[int, ...], rank: Any) -> None:
    torch.manual_seed(0)
    layer = TCL(sizes, rank, bias=True, dtype=torch.float64)
    tensors = torch.randn(7, *sizes, dtype=torch.float64)
    factors = [factor.detach().numpy() for factor in layer.factors]
    expected = tl.tenalg.multi_mode_dot(tensors.numpy(), factors, modes=list(range(1, len(sizes) + 1)))
    assert np.allclose(layer(tensors).detach().numpy(), expected + layer.bias.detach().numpy(), atol=1e-13)


def test_it_is_the_dense_layer_of_the_kronecker_product() -> None:
    layer = TCL((4, 3, 2), (2, 3, 1), dtype=torch.float64)
    tensors = torch.randn(5, 4, 3, 2, dtype=torch.float64)
    factors = [factor.detach().numpy() for factor in layer.factors]
    assert np.allclose(layer.dense_weight().detach().numpy(), tl.tenalg.kronecker(factors))
    assert torch.allclose(layer(tensors).flatten(1), tensors.flatten(1) @ layer.dense_weight().T)


def test_the_parameters_are_counted() -> None:
    layer = TCL((32, 7, 7), (16, 4, 4), bias=True)
    assert sum(part.numel() for part in layer.parameters()) == 16 * 32 + 2 * 4 * 7 + 16 * 16
    assert layer.space_saving == pytest.approx(1 - 824 / (256 * 1568 + 256))


def test_gradients_reach_every_factor() -> None:
    layer = TCL((4, 2, 3), (2, 1, 3), dtype=torch.float64)
    tensors = torch.randn(2, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda tensors, *_: layer(tensors), (tensors, *layer.parameters()))


def test_the_nearest_kronecker_product_of_a_trained_layer_is_found() -> None:
    rng = np.random.default_rng(0)
    factors = [rng.normal(size=shape) for shape in ((2, 4), (3, 3), (1, 2))]
    dense = nn.Linear(24, 6, dtype=torch.float64)
    dense.weight.data = torch.from_numpy(tl.tenalg.kronecker(factors))
    layer = TCL.from_linear(dense, (4, 3, 2), (2, 3, 1))
    tensors = torch.randn(5, 4, 3, 2, dtype=torch.float64)
    assert torch.allclose(layer(tensors).flatten(1), dense(tensors.flatten(1)), atol=1e-6)


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(UsageError, match=r"TCL takes tensors \(n, 4, 2\), got \(4, 2\)"):
        TCL((4, 2), 2)(torch.zeros(4, 2))
    with pytest.raises(UsageError, match="above its size"):
        TCL((4, 2), (5, 2))
    with pytest.raises(UsageError, match="as many sizes"):
        TCL.from_linear(nn.Linear(8, 4), (4, 2), (4,))
