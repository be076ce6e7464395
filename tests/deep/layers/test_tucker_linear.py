"""The Tucker layer against TensorLy's contraction of the same core and factors."""

from typing import Any

import numpy as np
import pytest
import tensorly as tl
import torch
from torch import nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers import TuckerLinear


def layer(**options: Any) -> TuckerLinear:
    torch.manual_seed(0)
    return TuckerLinear(24, 15, **{"rank": (2, 3, 2, 4, 2), "in_modes": (2, 3, 4), "out_modes": (5, 3), "dtype": torch.float64, **options})


def test_the_dense_weight_is_tensorlys() -> None:
    made = layer()
    tensor = tl.tucker_to_tensor((made.core.detach().numpy(), [factor.detach().numpy() for factor in made.factors]))
    assert np.allclose(made.dense_weight().detach().numpy(), tensor.reshape(24, 15).T, atol=1e-14)


@pytest.mark.parametrize("shape", [(24,), (7, 24), (2, 3, 24)])
def test_both_ways_are_the_dense_product(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    made = layer()
    rows = torch.randn(shape, dtype=torch.float64)
    dense = rows @ made.dense_weight().T + made.bias
    for by_factors in (True, False):
        monkeypatch.setattr(made, "takes_factors", lambda n_rows, by_factors=by_factors: by_factors)
        assert torch.allclose(made(rows), dense, atol=1e-13) and made(rows).shape == dense.shape


def test_gradients_reach_every_factor() -> None:
    made = layer(rank=2)
    rows = torch.randn(3, 24, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows, *_: made(rows), (rows, *made.parameters()))


def test_the_parameters_are_counted() -> None:
    made = layer(bias=False)
    assert sum(part.numel() for part in made.parameters()) == 2 * 3 * 2 * 4 * 2 + 2 * 2 + 3 * 3 + 4 * 2 + 5 * 4 + 3 * 2
    assert made.space_saving == pytest.approx(1 - 143 / 360) and made.bias is None


def test_the_multiplications_are_counted() -> None:
    made = TuckerLinear(144, 64, (8, 6, 2, 4), in_modes=(12, 12), out_modes=(8, 8))
    in_side, core, out_side = 144 * 6 + 12 * 6 * 8, 8 * 6 * 2 * 4, 64 * 8  # the output's two modes are one: 2 and 4 are few
    assert made.work(10)[0].products == 10 * (in_side + core + out_side) + 8 * 8 * 2 * 4


def test_it_starts_with_the_variance_of_a_dense_layer() -> None:
    torch.manual_seed(0)
    made = TuckerLinear(1024, 256, (8, 8, 8, 8), in_modes=(32, 32), out_modes=(16, 16))
    assert float(made.dense_weight().detach().var()) == pytest.approx(float(nn.Linear(1024, 256).weight.detach().var()), rel=0.3)


def test_a_trained_layer_of_low_rank_is_found_again() -> None:
    dense = nn.Linear(24, 15, dtype=torch.float64)
    dense.weight.data = layer().dense_weight().data
    made = TuckerLinear.from_linear(dense, (2, 3, 2, 4, 2), in_modes=(2, 3, 4), out_modes=(5, 3))
    rows = torch.randn(5, 24, dtype=torch.float64)
    assert torch.allclose(made(rows), dense(rows), atol=1e-12)


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(UsageError, match="product is 10; expected whole numbers whose product is 15"):
        layer(out_modes=(5, 2))
    with pytest.raises(UsageError, match="2 numbers for 5 modes"):
        layer(rank=(2, 2))
