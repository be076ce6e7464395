"""A network by what makes it: a class or a function, and its options; so that it can stand in a plan, and be saved without pickle."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.utils.dlpack
from torch import nn

from gpupipe.core.errors import ArtefactError, UsageError, listing, nearest
from gpupipe.core.options import settle


@dataclass(frozen=True, init=False)
class Network:
    """What makes a network, and with which options.

    Parameters
    ----------
    factory
        A subclass of ``torch.nn.Module``, or a function that returns a module.
    options
        What it is called with: numbers, text, truth values, None, and sequences of them.

    Raises
    ------
    UsageError
        It is a module itself, or something that makes none; or the options are others.

    Examples
    --------
    >>> Network(nn.Linear, in_features=3, out_features=2).make()
    Linear(in_features=3, out_features=2, bias=True)
    """

    factory: Callable[..., nn.Module]
    options: tuple[tuple[str, Any], ...]

    def __init__(self, factory: Callable[..., nn.Module], **options: Any) -> None:
        if isinstance(factory, nn.Module):
            name = type(factory).__name__
            msg = f"Expected what makes a network, got a network that is made: a {name}. Give its class, {name}, and its options beside it."
            raise UsageError(msg)
        if not callable(factory) or (isinstance(factory, type) and not issubclass(factory, nn.Module)):
            msg = f"Expected a class of torch.nn.Module or a function that returns a module, got {factory!r}."
            raise UsageError(msg)
        settle(self, factory=factory, options=tuple(sorted((name, _plain(name, value)) for name, value in options.items())))

    @classmethod
    def of(cls, factory: Callable[..., nn.Module], options: Any) -> Network:
        """Return it of a mapping of options, or of None.

        Raises
        ------
        UsageError
            The options are no mapping of names.
        """
        if options is not None and not (isinstance(options, Mapping) and all(isinstance(name, str) for name in options)):
            raise UsageError(f"A network's options are a mapping of names to values, {{'channels': 8}}, got {options!r}.")
        return cls(factory, **(options or {}))

    @property
    def name(self) -> str:
        """What makes it, in a word."""
        return str(getattr(self.factory, "__name__", type(self.factory).__name__))

    @property
    def options_text(self) -> str:
        """The options as JSON."""
        return json.dumps(dict(self.options))

    def make(self, seed: int | None = None) -> nn.Module:
        """Return a new network; a seed decides its first weights, and leaves torch's own generator as it was.

        Raises
        ------
        UsageError
            It cannot be made with these options, or what was made is no module.
        """
        with torch.random.fork_rng([], enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            try:
                made = self.factory(**dict(self.options))
            except Exception as error:
                msg = f"{self.name} cannot be made with {dict(self.options)}: {type(error).__name__}: {error}"
                raise UsageError(f"{msg}{self._hint()}") from error
        if not isinstance(made, nn.Module):
            msg = f"Expected {self.name} to return a torch.nn.Module, got {type(made).__name__}."
            raise UsageError(msg)
        return made

    def _hint(self) -> str:
        """Return what the factory takes, where it was given something else."""
        try:
            parameters = inspect.signature(self.factory).parameters.values()
        except (TypeError, ValueError):  # what is written in C tells nothing
            return ""
        known = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
        strange = [name for name, _ in self.options if name not in known]
        if not strange or any(one.kind is one.VAR_KEYWORD for one in parameters):
            return ""
        return f".{nearest(strange[0], known)} It takes {listing(known) or 'no options'}."

    def made_of(self, names: Sequence[str], arrays: Sequence[Any]) -> nn.Module:
        """Return a network with the weights that `weights_of` gave, for predictions.

        Raises
        ------
        ArtefactError
            They are not the weights that such a network has.
        """
        if self.factory.__module__.startswith("gpupipe."):
            self._require_sizes_of(arrays)
        try:
            with torch.device("meta"):  # no memory is taken before the sizes are known to be those of the arrays
                expected = {name: (tuple(held.shape), held.dtype) for name, held in self.make(0).state_dict().items()}
        except UsageError:  # a factory that computes something: it is the user's own, and trusted
            expected = {name: (tuple(held.shape), held.dtype) for name, held in self.make(0).state_dict().items()}
        given = {name: as_torch(array) for name, array in zip(names, arrays, strict=True)}
        wrong = sorted(set(expected) ^ set(given)) or [
            name for name, held in given.items() if (tuple(held.shape), held.dtype) != expected[name]
        ]
        if wrong:
            msg = f"Expected the weights of {self.name} with {dict(self.options)}, got others, {wrong[0]!r} for one. Save it again."
            raise ArtefactError(msg)
        made = self.make(0)
        made.load_state_dict(given)
        return made.eval()

    def _require_sizes_of(self, arrays: Sequence[Any]) -> None:
        """Raise ArtefactError for a size that no network with so many weights has: to make it could take for ever."""
        most = max(sum(array.size for array in arrays), 1000)
        if wrong := [value for value in _numbers([value for _, value in self.options]) if value > most]:
            msg = f"Expected options of {self.name} that go with its {most} weights at most, got {wrong[0]:.3g} among them. Save it again."
            raise ArtefactError(msg)


def weights_of(network: nn.Module) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return the names of a network's weights and buffers, and NumPy's arrays of them.

    Examples
    --------
    >>> names, arrays = weights_of(nn.Linear(2, 1))
    >>> names, arrays[0].shape
    (('weight', 'bias'), (1, 2))
    """
    held = network.state_dict()
    arrays = (value.detach().cpu().numpy().copy() for value in held.values())
    return tuple(held), tuple(arrays)


def as_torch(array: Any) -> torch.Tensor:
    """Return an array of NumPy or CuPy as a tensor on the same device, without a copy unless it may not be written to.

    Examples
    --------
    >>> held = np.zeros(2)
    >>> as_torch(held)[0] = 5
    >>> held.tolist()
    [5.0, 0.0]
    """
    if isinstance(array, np.ndarray) and not array.flags.writeable:
        array = array.copy()
    made: torch.Tensor = torch.utils.dlpack.from_dlpack(array)
    return made


def as_array(tensor: torch.Tensor, xp: Any) -> Any:
    """Return a tensor as an array of NumPy or CuPy, without a copy where it is on the array's device."""
    held = tensor.detach().contiguous()
    if xp is np:
        return held.cpu().numpy()
    return xp.from_dlpack(held) if held.is_cuda else xp.asarray(held.numpy())


def n_parameters(network: nn.Module) -> int:
    """Return how many numbers a network learns.

    Examples
    --------
    >>> n_parameters(nn.Linear(3, 2))
    8
    """
    return sum(held.numel() for held in network.parameters())


def _numbers(value: Any) -> list[float]:
    """Return the numbers in an option."""
    if isinstance(value, list | tuple):
        return [number for part in value for number in _numbers(part)]
    return [value] if isinstance(value, int | float) else []


def _plain(name: str, value: Any) -> Any:
    """Return an option as a frozen value holds it and JSON gives it back, or say what came instead."""
    if isinstance(value, list | tuple):
        return tuple(_plain(name, part) for part in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    msg = f"A network's options are numbers, text, truth values and sequences of them, got a {type(value).__name__} as {name!r}."
    raise UsageError(msg)


def options_of(text: str) -> dict[str, Any]:
    """Return the options that a text of `Network.options_text` holds.

    Examples
    --------
    >>> options_of('{"sizes": [3, 4]}')
    {'sizes': (3, 4)}
    """
    held: Mapping[str, Any] = json.loads(text)
    return {name: _plain(name, value) for name, value in held.items()}
