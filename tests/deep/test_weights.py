"""Weights that a training begins with: of modules, mappings and files, whole or in part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
import safetensors.torch  # noqa: E402
from torch import nn  # noqa: E402

from gpupipe.core.errors import UsageError  # noqa: E402
from gpupipe.deep.weights import Weights, as_parts  # noqa: E402


def network(n_classes: int = 3) -> Any:
    return nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, n_classes))


def test_of_a_module_a_mapping_and_a_file(tmp_path: Path) -> None:
    made = network()
    safetensors.torch.save_file(made.state_dict(), tmp_path / "weights.safetensors")
    held = [Weights.of(given, "X") for given in (made, made.state_dict(), tmp_path / "weights.safetensors")]
    held.append(Weights.of({name: value.numpy() for name, value in made.state_dict().items()}, "X"))
    for one in held:
        other = network()
        one.load(other, (), "X")
        assert all(torch.equal(value, made.state_dict()[name]) for name, value in other.state_dict().items())
    assert len({*held}) == 1, "in whatever order a file has the names"
    assert Weights.of(network(), "X") != held[0] and held[0] != 3
    with torch.no_grad():
        made[0].weight += 1
    assert held[1] != Weights.of(made, "X"), "a copy was taken"


def test_other_dtypes_are_cast() -> None:
    made = network().double()
    other = network()
    Weights.of(made, "X").load(other, (), "X")
    assert other[0].weight.dtype == torch.float32
    np.testing.assert_allclose(other[0].weight.detach(), made[0].weight.detach(), rtol=1e-6)
    with pytest.raises(UsageError, match=r"cannot start from '0.weight': .*value.float\(\)"):
        Weights.of(made.bfloat16().state_dict(), "X")


def test_parts_are_drawn_anew() -> None:
    before, made = network(7), network(3)
    drawn = made[2].weight.clone()
    Weights.of(before, "X").load(made, ["2"], "X")
    assert torch.equal(made[0].weight, before[0].weight) and torch.equal(made[2].weight, drawn)
    assert as_parts("2", "X") == ("2",)


@pytest.mark.parametrize(
    ("given", "anew", "message"),
    [
        (network(7), (), r"got '2.weight' of shape \(7, 4\), not \(3, 4\), '2.bias'.*anew="),
        (nn.Linear(2, 4), (), "got none called '0.weight'.* and 8 more"),
        ({**network().state_dict(), "extra": np.zeros(1)}, (), "'extra', which the network has not"),
        (network(), ["22"], "no part '22' in the network.*It has '0', '1'"),
    ],
)
def test_weights_of_another_network_are_refused(given: Any, anew: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Weights.of(given, "X").require(network(), anew, "X")


def test_what_are_no_weights_is_refused(tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "weights.pt")
    for given, message in (
        (tmp_path, "the folder"),
        (tmp_path / "none.safetensors", "cannot be read as one"),
        (tmp_path / "weights.pt", r"torch.load\(path, weights_only=True\)"),
        ({}, "an empty mapping"),
        ([1.0], "got a list"),
        ({"a": "b"}, "got <U1 in 'a'"),
    ):
        with pytest.raises(UsageError, match=message):
            Weights.of(given, "X")
    for parts in (3, [""], [None]):
        with pytest.raises(UsageError, match="anew is the name of a part"):
            as_parts(parts, "X")
