"""What layers of few parameters save."""

import pytest
from torch import nn

from gpupipe.deep.layers import TCL, TRL, CPConv2d
from gpupipe.deep.network import n_parameters
from gpupipe.deep.savings import layers_part, savings


def test_each_layer_and_the_whole_beside_dense_ones() -> None:
    network = nn.Sequential(
        CPConv2d(4, 8, 3, 2), nn.Conv2d(8, 8, 3), TCL((8, 4, 4), (4, 2, 2), bias=True), TRL((4, 2, 2), 10, (2, 2, 2, 5))
    )
    dense = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(128, 16), nn.Linear(16, 10))
    rows = savings(network)
    assert [row[:2] for row in rows] == [("0", "CPConv2d"), ("2", "TCL"), ("3", "TRL")]
    assert [row[3] for row in rows] == [n_parameters(dense[at]) for at in (0, 2, 3)]
    assert [row[2] for row in rows] == [n_parameters(network[at]) for at in (0, 2, 3)]
    last = layers_part(network)["rows"][-1]
    assert last[2:4] == [n_parameters(network), n_parameters(dense)] and last[4] == pytest.approx(1 - last[2] / last[3], abs=1e-4)


def test_a_network_without_such_layers_has_none() -> None:
    assert layers_part(nn.Linear(3, 2)) is None
