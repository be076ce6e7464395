"""The CP layer against TensorLy's contraction of the same factors."""

from typing import Any

import numpy as np
import pytest
import tensorly as tl
import torch
from torch import nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers import CPLinear


def layer(**options: Any) -> CPLinear:
    torch.manual_seed(0)
    return CPLinear(24, 15, **{"rank": 7, "in_modes": (2, 3, 4), "out_modes": (5, 3), "dtype": torch.float64, **options})


def test_the_dense_weight_is_tensorlys() -> None:
    made = layer()
    tensor = tl.cp_to_tensor((np.ones(7), [factor.detach().numpy() for factor in made.factors]))
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
    made = layer(rank=3)
    rows = torch.randn(3, 24, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows, *_: made(rows), (rows, *made.parameters()))


def test_the_parameters_are_counted() -> None:
    made = layer()
    assert sum(part.numel() for part in made.parameters()) == 7 * (2 + 3 + 4 + 5 + 3) + 15
    assert made.space_saving == pytest.approx(1 - 134 / 375)


def test_a_share_gives_the_rank_of_tensorly() -> None:
    assert CPLinear(64, 64, 0.1, in_modes=(8, 8), out_modes=(8, 8)).rank == tl.cp_tensor.validate_cp_rank((8, 8, 8, 8), 0.1)


def test_a_high_rank_goes_by_the_dense_weight_where_rows_are_many() -> None:
    made = CPLinear(64, 64, 50, in_modes=(8, 8), out_modes=(8, 8))
    assert made.takes_factors(1) and not made.takes_factors(1000)


def test_it_starts_with_the_variance_of_a_dense_layer() -> None:
    torch.manual_seed(0)
    made = CPLinear(1024, 256, 64, in_modes=(32, 32), out_modes=(16, 16))
    assert float(made.dense_weight().detach().var()) == pytest.approx(float(nn.Linear(1024, 256).weight.detach().var()), rel=0.3)


def test_a_trained_layer_of_low_rank_is_found_again() -> None:
    dense = nn.Linear(24, 15, dtype=torch.float64)
    dense.weight.data = layer(rank=2).dense_weight().data
    made = CPLinear.from_linear(dense, 2, in_modes=(2, 3, 4), out_modes=(5, 3))
    rows = torch.randn(5, 24, dtype=torch.float64)
    assert torch.allclose(made(rows), dense(rows), atol=1e-5)


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(UsageError, match="at least 1, got 0"):
        layer(rank=0)
