"""The file of a training that may be resumed: safetensors, with all that is no tensor as JSON in its header. Nothing in it is run.

Which examples come in which batch, and what is drawn at random in an epoch, follow from the seed and the epoch's number. So the state of a
training at the end of an epoch is: the network, the optimiser, the schedule, the scale of mixed precision, the best weights, the history.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from gpupipe.core.errors import ArtefactError, UsageError

FORMAT = 1
NAME = "training.safetensors"


def write_training(folder: Path, identity: str, tensors: Mapping[str, Mapping[str, Any]], plain: Mapping[str, Any]) -> None:
    """Write the file, whole or not at all, in the place of an older one.

    Parameters
    ----------
    identity
        What is trained, and how: a file of another training is not resumed.
    tensors
        Named groups of tensors by name.
    plain
        What JSON holds.
    """
    flat = {f"{group}/{name}": held.detach().cpu().clone() for group, part in tensors.items() for name, held in part.items()}
    header = {"gpupipe": json.dumps({"format": FORMAT, "identity": identity, **plain})}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"Training's folder {str(folder)!r} cannot be made: {error.strerror}. Choose another one.") from error
    beside = folder / f".{NAME}.{os.getpid()}"
    try:
        with beside.open("wb") as stream:
            stream.write(safetensors.torch.save({name: held.contiguous() for name, held in flat.items()}, header))
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(folder / NAME)
    finally:
        beside.unlink(missing_ok=True)


def read_training(folder: Path, identity: str) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, Any]] | None:
    """Return the groups of tensors and what is plain; None where there is no file.

    Raises
    ------
    ArtefactError
        The file is damaged, or of another version.
    UsageError
        It is of another training.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as opened:
            plain = json.loads(opened.metadata()["gpupipe"])
            flat = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  (it has no other way)
        found = plain["format"], plain["identity"]
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        msg = f"{path} is no file of a training: {type(error).__name__}: {error}. Remove it to begin anew."
        raise ArtefactError(msg) from error
    if found[0] != FORMAT:
        msg = f"{path} has format {found[0]!r}; this gpupipe reads format {FORMAT}. Remove it to begin anew."
        raise ArtefactError(msg)
    if found[1] != identity:
        msg = (
            f"{path} is of another training: it was begun with {_differing(found[1], identity)}. Choose another folder, or remove the file "
            "to begin anew."
        )
        raise UsageError(msg)
    groups: dict[str, dict[str, torch.Tensor]] = {}
    for name, held in flat.items():
        group, _, rest = name.partition("/")
        groups.setdefault(group, {})[rest] = held
    return groups, plain


def _differing(theirs: str, ours: str) -> str:
    """Return in what two identities, which are JSON objects, differ."""
    try:
        old, new = json.loads(theirs), json.loads(ours)
        told = [f"{name} {_short(old.get(name), new.get(name))}" for name in new if old.get(name) != new.get(name)]
    except (ValueError, AttributeError):
        told = []
    return " and ".join(told) or "other settings"


def _short(old: Any, new: Any) -> str:
    """Return two values as text; of two lists, such as the weights of a network, the first parts in which they differ.

    Examples
    --------
    >>> _short(1, 2), _short([1, 2, 3], [1, 4])
    ('1, not 2', '[.., 2, ..] (3 in all), not [.., 4, ..] (2 in all)')
    """
    if not (isinstance(old, list) and isinstance(new, list)):
        return f"{old!r}, not {new!r}"
    at = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)))
    first = [f"[.., {held[at]!r}, ..] ({len(held)} in all)" if at < len(held) else f"{len(held)} in all" for held in (old, new)]
    return ", not ".join(first)


def taken_apart(state: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors of an optimiser's state by name, and the rest of it as JSON holds it.

    Examples
    --------
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    >>> taken_apart(optimizer.state_dict())[1]["param_groups"][0]["lr"]
    0.5
    """
    tensors, others = {}, {}
    for number, held in state["state"].items():
        for name, value in held.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{number}/{name}"] = value
            else:
                others[f"{number}/{name}"] = value
    return tensors, {"state": others, "param_groups": state["param_groups"]}


def put_together(tensors: Mapping[str, torch.Tensor], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return an optimiser's state as it was before `taken_apart`."""
    state: dict[int, dict[str, Any]] = {}
    for path, value in {**tensors, **others["state"]}.items():
        number, _, name = path.partition("/")
        state.setdefault(int(number), {})[name] = value
    return {"state": state, "param_groups": others["param_groups"]}
