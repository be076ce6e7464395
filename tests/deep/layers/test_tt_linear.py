"""The TT layer against TensorLy's contraction of the same cores, and against the dense layer."""

from typing import Any

import numpy as np
import pytest
import tensorly as tl
import torch
from torch import nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers import TTLinear


def layer(**options: Any) -> TTLinear:
    torch.manual_seed(0)
    return TTLinear(24, 30, **{"rank": (1, 3, 4, 1), "in_modes": (2, 3, 4), "out_modes": (5, 3, 2), "dtype": torch.float64, **options})


def test_the_dense_weight_is_tensorlys() -> None:
    made = layer()
    cores = [core.detach().numpy().reshape(core.shape[0], -1, core.shape[3]) for core in made.cores]
    paired = tl.tt_to_tensor(cores).reshape(2, 5, 3, 3, 4, 2)
    assert np.allclose(made.dense_weight().detach().numpy(), paired.transpose(1, 3, 5, 0, 2, 4).reshape(30, 24), atol=1e-14)


@pytest.mark.parametrize("shape", [(24,), (7, 24), (2, 3, 24), (0, 24)])
def test_both_ways_are_the_dense_product(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    made = layer()
    rows = torch.randn(shape, dtype=torch.float64)
    dense = rows @ made.dense_weight().T + made.bias
    for by_factors in (True, False):
        monkeypatch.setattr(made, "takes_factors", lambda n_rows, by_factors=by_factors: by_factors)
        assert torch.allclose(made(rows), dense, atol=1e-13) and made(rows).shape == dense.shape


def test_gradients_reach_every_core() -> None:
    made = layer(rank=2)
    rows = torch.randn(3, 24, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows, *_: made(rows), (rows, *made.parameters()))


def test_the_parameters_are_counted() -> None:
    made = layer()
    assert sum(part.numel() for part in made.parameters()) == 2 * 5 * 3 + 3 * 3 * 3 * 4 + 4 * 4 * 2 + 30
    assert made.space_saving == pytest.approx(1 - (30 + 108 + 32 + 30) / (24 * 30 + 30))


def test_the_way_depends_on_the_batch() -> None:
    made = TTLinear(256, 256, 200, in_modes=(16, 16), out_modes=(16, 16))
    by_cores, making = made.work(1)
    assert (by_cores.products, making.products) == (2 * 256 * 16 * 200, 256 * 256 * 200)
    assert made.takes_factors(1) and not made.takes_factors(1000)


def test_it_starts_with_the_variance_of_a_dense_layer() -> None:
    torch.manual_seed(0)
    made = TTLinear(256, 256, 8, in_modes=(4, 8, 8), out_modes=(8, 8, 4))
    assert float(made.dense_weight().detach().var()) == pytest.approx(float(nn.Linear(256, 256).weight.detach().var()), rel=0.25)


def test_a_trained_layer_of_low_rank_is_found_again() -> None:
    dense = nn.Linear(24, 30, dtype=torch.float64)
    dense.weight.data = layer().dense_weight().data
    made = TTLinear.from_linear(dense, (1, 3, 4, 1), in_modes=(2, 3, 4), out_modes=(5, 3, 2))
    rows = torch.randn(5, 24, dtype=torch.float64)
    assert torch.allclose(made(rows), dense(rows), atol=1e-12)


def test_default_modes_make_the_product_cheaper() -> None:
    made = TTLinear(1024, 1024, 0.1)
    assert made.space_saving > 0.89 and made.work(64)[0].products <= 0.4 * 64 * 1024 * 1024


def test_modes_and_inputs_that_do_not_fit_are_told() -> None:
    with pytest.raises(UsageError, match="product is 6; expected whole numbers whose product is 24"):
        layer(in_modes=(2, 3))
    with pytest.raises(UsageError, match="as many modes of the output"):
        layer(out_modes=(5, 6))
    with pytest.raises(UsageError, match=r"TTLinear takes inputs \(..., 24\), got \(2, 25\)"):
        layer()(torch.zeros(2, 25, dtype=torch.float64))
    with pytest.raises(UsageError, match="1 at both ends"):
        layer(rank=(2, 3, 4, 1))
