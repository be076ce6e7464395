"""What layers of few parameters save in a network."""

from __future__ import annotations

from typing import Any

from torch import nn

from gpupipe.deep.layers import TCL
from gpupipe.deep.layers._conv import FactorizedConv2d
from gpupipe.deep.layers._linear import FactorizedLinear
from gpupipe.deep.network import n_parameters


def savings(network: nn.Module) -> list[tuple[str, str, int, int, float]]:
    """Return of each layer of few parameters its name, its class, its parameters, those of the dense layer, and the share that is saved.

    Examples
    --------
    >>> from gpupipe.deep.layers import TRL
    >>> savings(nn.Sequential(nn.Flatten(), TRL((8, 4), 10, (4, 2, 5))))
    [('1', 'TRL', 140, 330, 0.5758)]
    """
    found: list[tuple[str, str, int, int, float]] = []
    for name, layer in network.named_modules():
        if isinstance(layer, FactorizedLinear | FactorizedConv2d | TCL):
            n, saving = n_parameters(layer), layer.space_saving
            found.append((name or "the network", type(layer).__name__, n, round(n / (1 - saving)), round(saving, 4)))
    return found


def layers_part(network: nn.Module) -> dict[str, Any] | None:
    """Return them as a table of a card, with the whole network as the last row; None where there is no such layer."""
    rows: list[list[Any]] = [list(row) for row in savings(network)]
    if not rows:
        return None
    n = n_parameters(network)
    dense = n + sum(row[3] - row[2] for row in rows)
    rows.append(["all layers", type(network).__name__, n, dense, round(1 - n / dense, 4)])
    columns = ["layer", "kind", "parameters", "of the dense layer", "space saving"]
    return {"kind": "table", "title": "Parameters of layers", "columns": columns, "rows": rows}
