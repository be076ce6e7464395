"""The convolution of CP form against TensorLy's reconstruction of its weight, and against the dense convolution with that."""

from typing import Any

import numpy as np
import pytest
import tensorly as tl
import torch
from torch import nn
from torch.nn import functional

from gpupipe.core.errors import UsageError
from gpupipe.deep.layers import CPConv2d

WAYS = [{}, {"padding": 1}, {"stride": 2, "padding": (1, 0)}, {"dilation": (1, 2), "stride": (1, 2)}, {"padding": "valid"}]


def layer_of(**options: Any) -> CPConv2d:
    torch.manual_seed(0)
    return CPConv2d(6, 8, (3, 2), 5, dtype=torch.float64, **options)


def tensorlys(layer: CPConv2d) -> np.ndarray:
    out, ins, tall, wide = (factor.detach().numpy() for factor in layer.factors)
    return tl.cp_to_tensor((np.ones(5), [out, ins, tall, wide]))


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_both_ways_are_the_dense_convolution(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layer_of(**options)
    images = torch.randn(2, 6, 9, 10, dtype=torch.float64)
    assert np.allclose(layer.dense_weight().detach().numpy(), tensorlys(layer), atol=1e-14)
    given = {name: options[name] for name in options if name != "dtype"}
    dense = functional.conv2d(images, torch.from_numpy(tensorlys(layer)), layer.bias, **given)
    for by_factors in (True, False):
        monkeypatch.setattr(layer, "takes_factors", lambda images, by_factors=by_factors: by_factors)
        assert torch.allclose(layer(images), dense, atol=1e-13)


def test_same_padding_keeps_the_size() -> None:
    assert CPConv2d(2, 3, (3, 5), 1, padding="same", dilation=(1, 2))(torch.zeros(1, 2, 9, 7)).shape == (1, 3, 9, 7)


def test_gradients_reach_every_factor() -> None:
    layer = layer_of(padding=1)
    images = torch.randn(1, 6, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda images, *_: layer(images), (images, *layer.parameters()))


def test_the_parameters_are_counted() -> None:
    layer = layer_of()
    assert sum(part.numel() for part in layer.parameters()) == 5 * (8 + 6 + 3 + 2) + 8
    assert layer.space_saving == pytest.approx(1 - (5 * (8 + 6 + 3 + 2) + 8) / (6 * 8 * 3 * 2 + 8))


def test_the_way_depends_on_the_images() -> None:
    layer = CPConv2d(8, 8, 3, 60, padding=1)
    assert not layer.takes_factors(torch.zeros(64, 8, 16, 16)) and layer_of().takes_factors(torch.zeros(64, 6, 16, 16))


def test_it_starts_with_the_variance_of_a_dense_layer() -> None:
    torch.manual_seed(0)
    layer = CPConv2d(64, 64, 3, 0.3)
    assert float(layer.dense_weight().detach().var()) == pytest.approx(float(nn.Conv2d(64, 64, 3).weight.detach().var()), rel=0.35)


def test_a_trained_convolution_of_low_rank_is_found_again() -> None:
    source, dense = layer_of(), nn.Conv2d(6, 8, (3, 2), padding=(1, 0), dtype=torch.float64)
    dense.weight.data = source.dense_weight().data
    layer = CPConv2d.from_conv(dense, 5)
    images = torch.randn(2, 6, 7, 7, dtype=torch.float64)
    assert torch.allclose(layer(images), dense(images), atol=1e-4)


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(UsageError, match="without groups"):
        CPConv2d.from_conv(nn.Conv2d(4, 4, 3, groups=2))
    with pytest.raises(UsageError, match=r"takes images \(n, 6, height, width\), got \(6, 9, 9\)"):
        layer_of()(torch.zeros(6, 9, 9, dtype=torch.float64))
    with pytest.raises(UsageError, match="padding='same' is not known here"):
        CPConv2d(2, 3, 2, 1, padding="same")
