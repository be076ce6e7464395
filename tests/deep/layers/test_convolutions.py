"""The convolutions of few parameters against TensorLy's reconstruction of their weights, and against the dense convolution with that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import tensorly as tl
import torch
from torch import nn
from torch.nn import functional

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers import CPConv2d, TTConv2d, TuckerConv2d
from gpupipe.deep.layers._conv import FactorizedConv2d

WAYS = [{}, {"padding": 1}, {"stride": 2, "padding": (1, 0)}, {"dilation": (1, 2), "stride": (1, 2)}, {"padding": "valid"}]


@dataclass(frozen=True)
class Form:
    """A form of the weight of a convolution of 6 channels to 8 by a kernel of 3 x 2, with its bias."""

    kind: Any
    rank: Any
    n_parameters: int
    tensorlys: Callable[[Any], np.ndarray]
    many: int  # a rank at which the dense weight is made first

    def layer(self, **options: Any) -> FactorizedConv2d:
        torch.manual_seed(0)
        made: FactorizedConv2d = self.kind(6, 8, (3, 2), self.rank, dtype=torch.float64, **options)
        return made


def arrays(parts: Any) -> list[np.ndarray]:
    return [part.detach().numpy() for part in parts]


FORMS = [
    Form(CPConv2d, 5, 5 * (8 + 6 + 3 + 2) + 8, lambda layer: tl.cp_to_tensor((np.ones(5), arrays(layer.factors))), 60),
    Form(
        TTConv2d,
        (1, 4, 3, 5, 1),
        6 * 4 + 4 * 3 * 3 + 3 * 2 * 5 + 5 * 8 + 8,
        lambda layer: tl.tt_to_tensor(arrays(layer.cores)).transpose(3, 0, 1, 2),
        60,
    ),
    Form(
        TuckerConv2d,
        (4, 3),
        4 * 3 * 3 * 2 + 8 * 4 + 6 * 3 + 8,
        lambda layer: tl.tenalg.multi_mode_dot(layer.core.detach().numpy(), arrays(layer.factors), modes=[0, 1]),
        8,
    ),
]


@pytest.fixture(params=FORMS, ids=lambda form: form.kind.__name__)
def form(request: pytest.FixtureRequest) -> Form:
    chosen: Form = request.param
    return chosen


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_both_ways_are_the_dense_convolution(form: Form, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    layer = form.layer(**options)
    weight = form.tensorlys(layer)
    images = torch.randn(2, 6, 9, 10, dtype=torch.float64)
    assert np.allclose(layer.dense_weight().detach().numpy(), weight, atol=1e-14)
    dense = functional.conv2d(images, torch.from_numpy(weight), layer.bias, **options)
    for by_factors in (True, False):
        monkeypatch.setattr(layer, "takes_factors", lambda images, by_factors=by_factors: by_factors)
        assert torch.allclose(layer(images), dense, atol=1e-13)


def test_same_padding_keeps_the_size(form: Form) -> None:
    assert form.kind(2, 3, (3, 5), 1, padding="same", dilation=(1, 2))(torch.zeros(1, 2, 9, 7)).shape == (1, 3, 9, 7)


def test_gradients_reach_every_factor(form: Form) -> None:
    layer = form.layer(padding=1)
    images = torch.randn(1, 6, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda images, *_: layer(images), (images, *layer.parameters()))


def test_the_parameters_are_counted(form: Form) -> None:
    layer = form.layer()
    assert sum(part.numel() for part in layer.parameters()) == form.n_parameters
    assert layer.space_saving == pytest.approx(1 - form.n_parameters / (6 * 8 * 3 * 2 + 8))


def test_the_way_depends_on_the_images(form: Form) -> None:
    layer = form.kind(8, 8, 3, form.many, padding=1)
    assert not layer.takes_factors(torch.zeros(64, 8, 16, 16)) and form.layer().takes_factors(torch.zeros(64, 6, 16, 16))


def test_it_starts_with_the_variance_of_a_dense_layer(form: Form) -> None:
    torch.manual_seed(0)
    layer = form.kind(64, 64, 3, 0.3)
    assert float(layer.dense_weight().detach().var()) == pytest.approx(float(nn.Conv2d(64, 64, 3).weight.detach().var()), rel=0.35)


def test_a_trained_convolution_of_low_rank_is_found_again(form: Form) -> None:
    dense = nn.Conv2d(6, 8, (3, 2), padding=(1, 0), dtype=torch.float64)
    dense.weight.data = form.layer().dense_weight().data
    layer = form.kind.from_conv(dense, form.rank)
    images = torch.randn(2, 6, 7, 7, dtype=torch.float64)
    assert torch.allclose(layer(images), dense(images), atol=1e-4)


def test_what_does_not_fit_is_told(form: Form) -> None:
    with pytest.raises(UsageError, match="without groups"):
        form.kind.from_conv(nn.Conv2d(4, 4, 3, groups=2))
    with pytest.raises(UsageError, match=r"takes images \(n, 6, height, width\), got \(6, 9, 9\)"):
        form.layer()(torch.zeros(6, 9, 9, dtype=torch.float64))
    with pytest.raises(UsageError, match="padding='same' is not known here"):
        form.kind(2, 3, 2, 1, padding="same")
