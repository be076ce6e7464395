"""What a training goes on from: what another one fitted, or weights alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.deep.network import Network, options_of
from gpupipe.deep.weights import Weights


def as_start(given: Any, fitted: type, stage: str) -> Any:
    """Return what a user gives as `start`: None, something fitted, or weights; raise UsageError for anything else.

    Parameters
    ----------
    fitted
        The class of what the stage fits.
    """
    if given is None or isinstance(given, fitted):
        return given
    if isinstance(given, type) or hasattr(given, "describe"):
        name = given.__name__ if isinstance(given, type) else type(given).__name__
        raise UsageError(f"{stage} goes on from what another {stage} fitted, or from weights, got a {name}.")
    return Weights.of(given, stage)


def chosen_start(start: Any, inputs: Sequence[Any], n_ports: int, anew: Sequence[str], fitted: type, stage: str) -> Any:
    """Return what a stage goes on from: its option, or the input after `n_ports` others; None where there is neither."""
    before = inputs[n_ports] if len(inputs) > n_ports else None
    if before is not None and not isinstance(before, fitted):
        raise UsageError(f"{stage} goes on from what another {stage} fitted, got a {type(before).__name__}.")
    if before is not None and start is not None:
        raise UsageError(f"{stage} goes on from one thing, got an input and start=. Leave one out.")
    found = start if before is None else before
    if found is None and anew:
        raise UsageError(
            f"{stage}'s anew is about parts of a network that it goes on from, and there is none. Give start=, or leave it out."
        )
    return found


def weights_of_start(start: Any) -> Weights | None:
    """Return the weights of what a stage goes on from; of what is fitted to nothing, as a plan has it, those of such a network."""
    if start is None or isinstance(start, Weights):
        return start
    if not start.names:
        return Weights.of(Network(start.factory, **options_of(start.options)).make(0), "")
    return Weights(start.names, start.weights)


def require_start(start: Any, network: Any, anew: Sequence[str], stage: str) -> None:
    """Raise UsageError unless a network can begin with the weights of what a stage goes on from."""
    if (weights := weights_of_start(start)) is not None:
        weights.require(network, anew, stage)
