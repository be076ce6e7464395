"""Videos in and out of a network of frames: learning from an array of them, and going on with them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from gpupipe.core.errors import StageError
from gpupipe.core.progress import Progress
from gpupipe.deep.frame_objective import NextFrames
from gpupipe.deep.history import History
from gpupipe.deep.network import as_array, as_torch
from gpupipe.deep.training import Training, train
from gpupipe.deep.weights import Weights


def learn_frames(
    network: nn.Module,
    objective: NextFrames,
    clips: Any,
    validation: float,
    training: Training,
    progress: Progress | None = None,
    start: Weights | None = None,
    anew: Sequence[str] = (),
) -> tuple[tuple[int, int], History]:
    """Train a network on videos, and return how many it learnt from and was validated on, and its history.

    Parameters
    ----------
    clips
        An array (n, time, channels, height, width) of NumPy or CuPy, float32.
    validation
        The share of videos that is kept for validation, drawn by the training's seed.
    start, anew
        The weights that it begins with, and the parts of the network that are drawn by chance all the same.

    Raises
    ------
    StageError
        There is none to learn from, or none for validation although a share of them is wanted.

    Examples
    --------
    >>> from gpupipe.deep.frame_network import FrameNetwork
    >>> clips = np.zeros((5, 4, 1, 6, 6), np.float32)
    >>> network = FrameNetwork("conv-lstm", channels=(2,), layers=1, kernel_size=3)
    >>> learn_frames(network, NextFrames(2), clips, 0.2, Training(1, device="cpu"))[0]
    (4, 1)
    """
    order = np.random.default_rng(training.seed).permutation(len(clips))
    n_kept = round(validation * len(clips))
    if len(clips) - n_kept < 1 or (validation and not n_kept):
        which = "to learn from" if n_kept else f"for a validation of {validation:g}"
        raise StageError(f"A network of frames expects videos {which}, got {len(clips)} in all. Give more, or another share.")
    held = as_torch(clips)
    kept, learnt = (torch.from_numpy(np.sort(part)).to(held.device) for part in (order[:n_kept], order[n_kept:]))
    examples, others = TensorDataset(held[learnt]), TensorDataset(held[kept]) if n_kept else None
    what = hashlib.sha256(as_array(held, np).tobytes()).hexdigest() if training.folder is not None else ""
    if start is not None:
        start.load(network, anew, type(network).__name__)
        what = f"{what} {start.digest} {tuple(anew)}" if training.folder is not None else ""
    try:
        history = train(network, objective, examples, others, training=training, progress=progress, what=f"{objective} {what}")
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        msg = f"{type(network).__name__} cannot be trained on videos {tuple(clips.shape[1:])}: {type(error).__name__}: {error}"
        raise StageError(f"{msg}. It is called as FrameNetwork is.") from error
    return (len(learnt), n_kept), history


def go_on(network: Any, clips: Any, n_ahead: int, *, device: str, batch_size: int, xp: Any) -> Any:
    """Return the frames after those of videos, (n, n_ahead, channels, height, width), limited to [0, 1], as an array of `xp`.

    Examples
    --------
    >>> from gpupipe.deep.frame_network import FrameNetwork
    >>> network = FrameNetwork("conv-lstm", channels=(2,), layers=1, kernel_size=3)
    >>> go_on(network, np.zeros((5, 4, 1, 6, 6), np.float32), 3, device="cpu", batch_size=2, xp=np).shape
    (5, 3, 1, 6, 6)
    """
    network = network.to(Training(device=device).on_device())
    at = next(network.parameters()).device
    with torch.no_grad():
        made = [network(part.to(at), n_ahead)[:, -n_ahead:].clamp(0.0, 1.0) for part in as_torch(clips).split(batch_size)]
    return as_array(torch.cat(made), xp)
