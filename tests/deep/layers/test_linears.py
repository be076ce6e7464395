"""The linear layers of few parameters against TensorLy's contraction of the same parts, and against the dense layer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tensorly as tl
import torch
from torch import nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers import CPLinear, TTLinear, TuckerLinear
from gpupipe.deep.layers._linear import FactorizedLinear


@dataclass(frozen=True)
class Form:
    """A form of the weight of a layer of 24 inputs, as modes of 2, 3 and 4."""

    kind: Any
    rank: Any
    out_modes: tuple[int, ...]
    n_parameters: int  # of the weight
    tensorlys: Callable[[Any], np.ndarray]  # the weight, (outputs, inputs)
    few: Any  # a rank small enough for gradients by differences
    large: tuple[Any, ...]  # how a large layer is made
    near: float  # how near a dense layer of this rank is found again

    @property
    def n_out(self) -> int:
        return int(np.prod(self.out_modes))

    def layer(self, **options: Any) -> FactorizedLinear:
        torch.manual_seed(0)
        given = {"rank": self.rank, "in_modes": (2, 3, 4), "out_modes": self.out_modes, "dtype": torch.float64, **options}
        made: FactorizedLinear = self.kind(24, self.n_out, **given)
        return made


def arrays(parts: Any) -> list[np.ndarray]:
    return [part.detach().numpy() for part in parts]


def of_train(layer: Any) -> np.ndarray:
    cores = [core.reshape(core.shape[0], -1, core.shape[3]) for core in arrays(layer.cores)]
    paired: np.ndarray = tl.tt_to_tensor(cores).reshape(2, 5, 3, 3, 4, 2)
    return paired.transpose(1, 3, 5, 0, 2, 4).reshape(30, 24)


FORMS = [
    Form(
        CPLinear,
        2,
        (5, 3),
        2 * (2 + 3 + 4 + 5 + 3),
        lambda layer: tl.cp_to_tensor((np.ones(2), arrays(layer.factors))).reshape(24, 15).T,
        2,
        (1024, 256, 64, (32, 32), (16, 16)),
        1e-5,
    ),
    Form(
        TTLinear,
        (1, 3, 4, 1),
        (5, 3, 2),
        2 * 5 * 3 + 3 * 3 * 3 * 4 + 4 * 4 * 2,
        of_train,
        2,
        (256, 256, 8, (4, 8, 8), (8, 8, 4)),
        1e-12,
    ),
    Form(
        TuckerLinear,
        (2, 3, 2, 4, 2),
        (5, 3),
        2 * 3 * 2 * 4 * 2 + 2 * 2 + 3 * 3 + 4 * 2 + 5 * 4 + 3 * 2,
        lambda layer: tl.tucker_to_tensor((layer.core.detach().numpy(), arrays(layer.factors))).reshape(24, 15).T,
        2,
        (1024, 256, (8, 8, 8, 8), (32, 32), (16, 16)),
        1e-12,
    ),
]


@pytest.fixture(params=FORMS, ids=lambda form: form.kind.__name__)
def form(request: pytest.FixtureRequest) -> Form:
    chosen: Form = request.param
    return chosen


def test_the_dense_weight_is_tensorlys(form: Form) -> None:
    made = form.layer()
    assert np.allclose(made.dense_weight().detach().numpy(), form.tensorlys(made), atol=1e-14)


@pytest.mark.parametrize("shape", [(24,), (7, 24), (2, 3, 24), (0, 24)])
def test_both_ways_are_the_dense_product(form: Form, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    made = form.layer()
    rows = torch.randn(shape, dtype=torch.float64)
    dense = rows @ made.dense_weight().T + made.bias
    for by_factors in (True, False):
        monkeypatch.setattr(made, "takes_factors", lambda n_rows, by_factors=by_factors: by_factors)
        assert torch.allclose(made(rows), dense, atol=1e-13) and made(rows).shape == dense.shape


def test_gradients_reach_every_part(form: Form) -> None:
    made = form.layer(rank=form.few)
    rows = torch.randn(3, 24, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows, *_: made(rows), (rows, *made.parameters()))


@pytest.mark.parametrize("bias", [True, False])
def test_the_parameters_are_counted(form: Form, bias: bool) -> None:
    made = form.layer(bias=bias)
    more = form.n_out if bias else 0
    assert sum(part.numel() for part in made.parameters()) == form.n_parameters + more and (made.bias is None) is not bias
    assert made.space_saving == pytest.approx(1 - (form.n_parameters + more) / (24 * form.n_out + more))


def test_it_starts_with_the_variance_of_a_dense_layer(form: Form) -> None:
    torch.manual_seed(0)
    ins, outs, rank, in_modes, out_modes = form.large
    made = form.kind(ins, outs, rank, in_modes=in_modes, out_modes=out_modes)
    assert float(made.dense_weight().detach().var()) == pytest.approx(float(nn.Linear(ins, outs).weight.detach().var()), rel=0.3)


def test_a_trained_layer_of_low_rank_is_found_again(form: Form) -> None:
    dense = nn.Linear(24, form.n_out, dtype=torch.float64)
    dense.weight.data = form.layer().dense_weight().data
    made = form.kind.from_linear(dense, form.rank, in_modes=(2, 3, 4), out_modes=form.out_modes)
    rows = torch.randn(5, 24, dtype=torch.float64)
    assert torch.allclose(made(rows), dense(rows), atol=form.near)


def test_inputs_and_modes_that_do_not_fit_are_told(form: Form) -> None:
    with pytest.raises(UsageError, match=rf"{form.kind.__name__} takes inputs \(..., 24\), got \(2, 25\)"):
        form.layer()(torch.zeros(2, 25, dtype=torch.float64))
    with pytest.raises(UsageError, match="product is 6; expected whole numbers whose product is 24"):
        form.layer(in_modes=(2, 3))
    with pytest.raises(UsageError, match="product is 10; expected whole numbers whose product is"):
        form.layer(out_modes=(5, 2, 1))


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (CPLinear, {"rank": 0}, "at least 1, got 0"),
        (TTLinear, {"rank": (2, 3, 4, 1)}, "1 at both ends"),
        (TTLinear, {"out_modes": (5, 6)}, "as many modes of the output"),
        (TuckerLinear, {"rank": (2, 2)}, "2 numbers for 5 modes"),
    ],
)
def test_ranks_that_do_not_fit_are_told(kind: type, given: dict[str, Any], told: str) -> None:
    (form,) = (form for form in FORMS if form.kind is kind)
    with pytest.raises(UsageError, match=told):
        form.layer(**given)


def test_a_share_gives_the_rank_of_tensorly() -> None:
    assert CPLinear(64, 64, 0.1, in_modes=(8, 8), out_modes=(8, 8)).rank == tl.cp_tensor.validate_cp_rank((8, 8, 8, 8), 0.1)


@pytest.mark.parametrize(
    "made", [CPLinear(64, 64, 50, in_modes=(8, 8), out_modes=(8, 8)), TTLinear(256, 256, 200, in_modes=(16, 16), out_modes=(16, 16))]
)
def test_a_high_rank_goes_by_the_dense_weight_where_rows_are_many(made: FactorizedLinear) -> None:
    assert made.takes_factors(1) and not made.takes_factors(1000)


def test_multiplications_are_counted() -> None:
    by_cores, making = TTLinear(256, 256, 200, in_modes=(16, 16), out_modes=(16, 16)).work(1)
    assert (by_cores.products, making.products) == (2 * 256 * 16 * 200, 256 * 256 * 200)
    tucker = TuckerLinear(144, 64, (8, 6, 2, 4), in_modes=(12, 12), out_modes=(8, 8))
    in_side, core, out_side = 144 * 6 + 12 * 6 * 8, 8 * 6 * 2 * 4, 64 * 8  # the output's two modes are one: 2 and 4 are few
    assert tucker.work(10)[0].products == 10 * (in_side + core + out_side) + 8 * 8 * 2 * 4


def test_default_modes_make_the_product_cheaper() -> None:
    made = TTLinear(1024, 1024, 0.1)
    assert made.space_saving > 0.89 and made.work(64)[0].products <= 0.4 * 64 * 1024 * 1024
