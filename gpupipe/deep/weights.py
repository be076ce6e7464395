"""Weights that a training begins with in the place of ones drawn by chance: of a network that was trained before, or of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import torch
from torch import nn

from gpupipe.core.errors import UsageError, listing, nearest
from gpupipe.deep.network import as_torch, weights_of


@dataclass(frozen=True, eq=False, repr=False)
class Weights:
    """A network's weights and buffers by name, as its ``state_dict`` has them.

    Parameters
    ----------
    names, arrays
        The names, and arrays of NumPy or CuPy.

    Examples
    --------
    >>> held = Weights.of({"weight": torch.ones(1, 2), "bias": torch.zeros(1)}, "LearnDeep")
    >>> held, held == Weights.of({"weight": np.ones((1, 2), np.float32), "bias": np.zeros(1, np.float32)}, "LearnDeep")
    (<weights: 2 arrays, 3 numbers>, True)
    """

    names: tuple[str, ...]
    arrays: tuple[Any, ...]

    @classmethod
    def of(cls, given: Any, stage: str) -> Weights:
        """Return weights of what a user gives: a mapping of names to arrays or tensors, a module, or the path of a safetensors file.

        Raises
        ------
        UsageError
            It is none of these, or a file that cannot be read.
        """
        if isinstance(given, Weights):
            return given
        if isinstance(given, nn.Module):
            return cls(*weights_of(given))
        if isinstance(given, str | Path):
            return cls._read(Path(given), stage)
        if not isinstance(given, Mapping) or not given or not all(isinstance(name, str) for name in given):
            msg = (
                f"{stage}'s start is what was fitted before, a mapping of names to weights, such as network.state_dict(), or the path of a"
            )
            raise UsageError(f"{msg} .safetensors file, got {_told(given)}.")
        return cls(tuple(given), tuple(_array(name, value, stage) for name, value in given.items()))

    @classmethod
    def _read(cls, path: Path, stage: str) -> Weights:
        """Return the weights of a file; nothing of it is run."""
        if path.is_dir():
            raise UsageError(
                f"{stage}'s start is a file of weights, got the folder {str(path)!r}. Of what gp.save wrote, give gp.load(...)."
            )
        try:
            held = safetensors.numpy.load_file(path)
        except (OSError, safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
            msg = f"{stage}'s start is to be a file of safetensors, and {str(path)!r} cannot be read as one: {error}."
            raise UsageError(f"{msg} Of a file of torch.save, give the mapping: torch.load(path, weights_only=True).") from error
        return cls(tuple(held), tuple(held.values()))

    @property
    def digest(self) -> str:
        """A digest of names, shapes and numbers."""
        made = hashlib.blake2b(digest_size=16)
        for name, array in sorted(zip(self.names, self.arrays, strict=True), key=lambda one: one[0]):
            held = as_torch(array).cpu().contiguous().numpy()
            made.update(f"{name} {held.dtype} {held.shape} ".encode() + held.tobytes())
        return made.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weights) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<weights: {len(self.names)} arrays, {sum(int(np.prod(array.shape)) for array in self.arrays)} numbers>"

    def require(self, network: nn.Module, anew: Sequence[str], stage: str) -> None:
        """Raise UsageError unless these are the weights that a network has, but for the parts of it that are drawn anew.

        Parameters
        ----------
        anew
            Names of weights, or of modules, as they stand in the network's ``state_dict``: ``"head"`` is all of ``head.``.

        Examples
        --------
        >>> network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
        >>> Weights.of(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 7)), "LearnDeep").require(network, ["1"], "LearnDeep")
        """
        theirs = {name: tuple(array.shape) for name, array in zip(self.names, self.arrays, strict=True) if not _within(name, anew)}
        whole = {name: tuple(held.shape) for name, held in network.state_dict().items()}
        ours = {name: shape for name, shape in whole.items() if not _within(name, anew)}
        for part in anew:
            if not any(_within(name, [part]) for name in whole):
                parts = list(dict.fromkeys(name.rpartition(".")[0] or name for name in whole))
                raise UsageError(f"{stage}'s anew has no part {part!r} in the network.{nearest(part, parts)} It has {listing(parts)}.")
        wrong = [f"none called {name!r}" for name in ours if name not in theirs]
        wrong += [f"{name!r}, which the network has not" for name in theirs if name not in ours]
        wrong += [f"{name!r} of shape {theirs[name]}, not {shape}" for name, shape in ours.items() if theirs.get(name, shape) != shape]
        if wrong:
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            msg = f"{stage} starts from weights that are those of the network, got {', '.join(wrong[:3])}{more}."
            hint = "" if stage == "DeepForecaster" else "; anew=(...) names the parts that are to be drawn anew"
            raise UsageError(f"{msg} Give the network's own options{hint}.")

    def load(self, network: nn.Module, anew: Sequence[str], stage: str) -> None:
        """Give a network these weights, but for the parts of it that are drawn anew; see `require`."""
        self.require(network, anew, stage)
        held = network.state_dict()
        for name, array in zip(self.names, self.arrays, strict=True):
            if not _within(name, anew):
                held[name].copy_(as_torch(array))


def as_parts(anew: Any, stage: str) -> tuple[str, ...]:
    """Return the parts that are drawn anew, of what a user gives.

    Examples
    --------
    >>> as_parts("head", "LearnDeep"), as_parts(["a", "b.c"], "LearnDeep")
    (('head',), ('a', 'b.c'))
    """
    parts = (anew,) if isinstance(anew, str) else tuple(anew) if isinstance(anew, Sequence) else (None,)
    if not all(isinstance(part, str) and part for part in parts):
        raise UsageError(f"{stage}'s anew is the name of a part of the network, or several: ('head',), got {anew!r}.")
    return parts


def _within(name: str, parts: Sequence[str]) -> bool:
    """Whether a weight is one of some parts of a network, or lies in one."""
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _array(name: str, value: Any, stage: str) -> Any:
    """Return weights as an array of NumPy; raise UsageError for what is none."""
    try:
        held = value.detach().cpu().numpy().copy() if isinstance(value, torch.Tensor) else np.array(value)
    except TypeError as error:  # bfloat16 is none of NumPy's
        raise UsageError(f"{stage} cannot start from {name!r}: {error}. Make it a float32 first: value.float().") from error
    if held.dtype.kind not in "fiub":
        raise UsageError(f"{stage}'s start has numbers by name, got {held.dtype} in {name!r}.")
    return held


def _told(given: Any) -> str:
    """Return what was given, in a few words."""
    return "an empty mapping" if given == {} else f"a {type(given).__name__}"
