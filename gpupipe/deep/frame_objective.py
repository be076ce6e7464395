"""What a network of frames learns: every next frame of a clip, and how often it is shown the truth meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gpupipe.core.errors import UsageError
from gpupipe.deep.history import History
from gpupipe.deep.training_objective import Batch, Moment


@dataclass(frozen=True)
class TeacherForcing:
    """How often a network is shown the truth instead of its own last frame: always at first, then less and less.

    Parameters
    ----------
    patience
        Epochs that the validation loss may go without a new least one before the share begins to fall.
    fall
        What it falls by, an epoch, down to 0.

    Examples
    --------
    >>> losses = [3.0, 2.0, 2.5, 2.6, 2.4]
    >>> history = History([{"epoch": at, "validation_loss": loss} for at, loss in enumerate(losses, 1)])
    >>> TeacherForcing(patience=2, fall=0.25).share(history)
    0.75
    """

    patience: int = 20
    fall: float = 0.004

    def share(self, history: History) -> float:
        """Return the share of the epoch that comes after those of a history."""
        least, since = float("inf"), 0
        for at, loss in enumerate(history.column("validation_loss")):
            if loss < least:
                least, since = loss, 0
                continue
            since += 1
            if since >= self.patience:
                return max(0.0, 1.0 - self.fall * (len(history.epochs) - 1 - at))
        return 1.0


@dataclass(frozen=True)
class NextFrames:
    """The loss of all next frames of clips, as an objective of `gpupipe.deep.train`.

    A batch is ``(clips,)``, (n, time, channels, height, width). The network is shown the first `n_seen` frames, and says each next one to
    the end. In validation it sees no others, and the loss is that of the frames after those seen.

    Parameters
    ----------
    n_seen
        Frames that are shown.
    squares, absolutes
        The weights of the mean squared and of the mean absolute error. With both, a black frame is a strong local optimum of videos that
        are mostly black; the squared error alone leaves it.
    forcing
        Whether and how often truth is shown after them in training; None never does.

    Raises
    ------
    UsageError
        Nothing is shown, or both weights are 0.

    Examples
    --------
    >>> from gpupipe.deep.frame_network import FrameNetwork
    >>> network = FrameNetwork("conv-lstm", channels=(4,), layers=1, kernel_size=3)
    >>> loss, metrics = NextFrames(3)(network, (torch.zeros(2, 5, 1, 8, 8),), Moment(0, 1, 0, False, History()))
    >>> loss.item(), sorted(metrics)
    (0.0, ['squared_error'])
    """

    n_seen: int
    squares: float = 1.0
    absolutes: float = 0.0
    forcing: TeacherForcing | None = None

    def __post_init__(self) -> None:
        if self.n_seen < 1 or min(self.squares, self.absolutes) < 0 or self.squares + self.absolutes <= 0:
            raise UsageError(
                f"NextFrames expects n_seen from 1 on and a weight above 0, got {self.n_seen}, squares {self.squares} and "
                f"absolutes {self.absolutes}."
            )

    def __call__(self, network: nn.Module, batch: Batch, at: Moment) -> tuple[Tensor, Mapping[str, Any]]:
        """Return the loss, and in validation the mean squared error of a pixel."""
        (clips,) = batch
        seen, truth = clips[:, : self.n_seen], clips[:, self.n_seen :]
        if not truth.shape[1]:
            raise UsageError(f"NextFrames shows {self.n_seen} frames of clips of {clips.shape[1]}, so that none is left to be predicted.")
        if not at.training:
            made = self._made(clips, network(seen, truth.shape[1]))[:, self.n_seen - 1 :]
            return self._loss(made, truth), {"squared_error": nn.functional.mse_loss(made.clamp(0, 1), truth)}
        forced = None if self.forcing is None else self._forced(truth, self.forcing.share(at.history))
        made = self._made(clips, network(seen, truth.shape[1], None if forced is None else truth, forced))
        return self._loss(made, clips[:, 1:]), {}

    def _made(self, clips: Tensor, made: Any) -> Tensor:
        """Return what a network made of clips; raise UsageError unless that is each next frame."""
        expected = (len(clips), clips.shape[1] - 1, *clips.shape[2:])
        if not isinstance(made, Tensor) or tuple(made.shape) != expected:
            got = tuple(made.shape) if isinstance(made, Tensor) else f"a {type(made).__name__}"
            raise UsageError(f"A network of frames gives every next frame of clips {tuple(clips.shape)}: {expected}, got {got}.")
        return made

    def _forced(self, truth: Tensor, share: float) -> Tensor:
        """Return which frames of the truth are shown, (n, n_ahead - 1)."""
        return torch.rand(len(truth), truth.shape[1] - 1).to(truth.device) < share

    def _loss(self, made: Tensor, truth: Tensor) -> Tensor:
        """Return the weighted sum of both errors."""
        loss = made.new_zeros(())
        if self.squares:
            loss = loss + self.squares * nn.functional.mse_loss(made, truth)
        if self.absolutes:
            loss = loss + self.absolutes * nn.functional.l1_loss(made, truth)
        return loss
