"""Networks by what makes them, and their weights as arrays."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import nn  # noqa: E402

from gpupipe.core.errors import ArtefactError, UsageError  # noqa: E402
from gpupipe.deep.network import Network, as_array, as_torch, options_of, weights_of  # noqa: E402


def computing(n: int) -> nn.Module:
    """Return a network whose first weights are computed, which a device without memory cannot do."""
    made = nn.Linear(n, n)
    with torch.no_grad():
        made.weight.copy_(torch.from_numpy(np.eye(n, dtype=np.float32) * float(torch.ones(1).item())))
    return made


def test_seeds() -> None:
    network = Network(nn.Linear, in_features=3, out_features=2)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two, other = (network.make(seed).weight for seed in (0, 0, 1))
    assert torch.equal(one, two) and not torch.equal(one, other) and torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("factory", [Network(computing, n=3), Network(nn.BatchNorm1d, num_features=3)])
def test_weights_there_and_back(factory: Network) -> None:
    made = factory.make(1).eval()
    again = factory.made_of(*weights_of(made))
    x = torch.randn(4, 3)
    assert torch.equal(made(x), again(x)) and not again.training


def test_other_weights_are_refused() -> None:
    names, arrays = weights_of(nn.Linear(3, 2))
    for bad in ((names[:1], arrays[:1]), (("weight", "other"), arrays), (names, (arrays[0].T, arrays[1]))):
        with pytest.raises(ArtefactError, match="Expected the weights of Linear"):
            Network(nn.Linear, in_features=3, out_features=2).made_of(*bad)
    with pytest.raises(ArtefactError, match="Expected the weights"):  # in no time, and without 4 TB
        Network(nn.Linear, in_features=10**6, out_features=10**6).made_of(names, arrays)


def test_sizes_that_cannot_be() -> None:
    """A file may say that a network of gpupipe's own has a million layers: it is refused before one is made."""
    from gpupipe.deep.sequence_network import SequenceNetwork

    names, arrays = weights_of(SequenceNetwork("lstm", 1, 2))
    assert Network(SequenceNetwork, cell="lstm", hidden_size=2).made_of(names, arrays)
    for options in ({"num_layers": 10**9}, {"rank": [2, 10**9]}):
        with pytest.raises(ArtefactError, match="got 1e\\+09 among them"):
            Network(SequenceNetwork, cell="lstm", hidden_size=2, **options).made_of(names, arrays)


def test_options_are_plain() -> None:
    network = Network(nn.Linear, in_features=3, out_features=[1, (2, None)])
    assert dict(network.options)["out_features"] == (1, (2, None)) and hash(network)
    assert options_of(network.options_text) == dict(network.options)
    for bad in ({"in_features": np.float64}, {"x": {1: 2}}):
        with pytest.raises(UsageError, match="A network's options are numbers"):
            Network(nn.Linear, **bad)
    with pytest.raises(UsageError, match="Expected a class of torch.nn.Module"):
        Network(int)  # type: ignore[arg-type]


def test_arrays_are_shared() -> None:
    array = np.arange(3.0)
    as_torch(array)[0] = 9
    assert array[0] == 9
    array.flags.writeable = False
    as_torch(array)[0] = 1
    assert array[0] == 9
    tensor = torch.zeros(2)
    as_array(tensor, np)[0] = 4
    assert tensor[0] == 4
