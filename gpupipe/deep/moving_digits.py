"""Videos of digits that move and bounce, made as they are asked for: Moving MNIST, and smaller ones.

Source: Srivastava et al., arXiv 1502.04681; the way digits move is that of Hsieh et al. 2018 (DDPAE).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gpupipe.core.errors import UsageError

STEP = 0.1  # of the way from wall to wall, a frame


@dataclass(frozen=True, eq=False)
class MovingDigits:
    """Videos by number: ``digits[torch.tensor([3, 5])]`` gives ``(clips,)``, of (2, n_frames, 1, size, size) in [0, 1].

    Video i follows from the seed and from i alone, whatever else is asked for and on whichever device: where digits are is worked out on
    the host, and drawn where the images are. So it is what `gpupipe.deep.train` takes as examples.

    Parameters
    ----------
    images
        Images of digits (n_images, side, side) in [0, 1], a tensor or an array. `parts_of` keeps some for validation and test.
    n_sequences
        How many videos there are.
    size
        The height and width of a frame.
    n_digits, n_frames
        How many digits a video has, and how many frames.
    seed
        Of all of them.
    fresh
        Whether each epoch of a training has others.

    Raises
    ------
    UsageError
        The images are no squares or larger than a frame, or a number is below 1.

    Notes
    -----
    A digit begins at x and y uniform in [0, 1], with a direction uniform over the circle. Before each frame it moves by a tenth; where it
    is beyond a wall it is put onto it, and turns round. Its corner is at the whole part of (size - side)(x, y). Where digits overlap, the
    brighter one is seen.

    Examples
    --------
    >>> digits = MovingDigits(torch.ones(10, 8, 8), n_sequences=100, size=16, n_digits=1, n_frames=5)
    >>> (clips,) = digits[torch.tensor([0, 42])]
    >>> clips.shape, clips.sum(dim=(2, 3, 4)).tolist()[0]
    (torch.Size([2, 5, 1, 16, 16]), [64.0, 64.0, 64.0, 64.0, 64.0])
    """

    images: Tensor
    n_sequences: int
    size: int = 64
    n_digits: int = 2
    n_frames: int = 20
    seed: int = 0
    fresh: bool = False
    epoch: int = 0

    def __post_init__(self) -> None:
        images = torch.as_tensor(self.images, dtype=torch.float32)
        if images.ndim != 3 or not len(images) or images.shape[1] != images.shape[2] or images.shape[1] > self.size:
            raise UsageError(f"MovingDigits takes images (n_images, side, side) of at most {self.size} a side, got {tuple(images.shape)}.")
        if min(self.n_sequences, self.n_digits, self.n_frames) < 1:
            raise UsageError(
                "MovingDigits expects n_sequences, n_digits and n_frames of at least 1, "
                f"got {self.n_sequences}, {self.n_digits} and {self.n_frames}."
            )
        object.__setattr__(self, "images", images)

    def __len__(self) -> int:
        return self.n_sequences

    def to(self, device: Any) -> MovingDigits:
        """Return the same videos, drawn on another device."""
        return replace(self, images=self.images.to(device))

    def of_epoch(self, number: int) -> MovingDigits:
        """Return the videos of an epoch, counted from 0: others each time, where they are `fresh`."""
        return replace(self, epoch=number) if self.fresh else self

    def __getitem__(self, numbers: Any) -> tuple[Tensor]:
        """Return the videos of these numbers, (n, n_frames, 1, size, size)."""
        numbers = np.atleast_1d(np.asarray(numbers.cpu() if isinstance(numbers, Tensor) else numbers, dtype=np.int64))
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < self.n_sequences):
            raise UsageError(f"MovingDigits has videos 0 to {self.n_sequences - 1}, asked for {numbers.min()} to {numbers.max()}.")
        which, top, left = self.places(numbers)
        device = self.images.device
        padded = torch.nn.functional.pad(self.images, (1, 1, 1, 1))  # a border of nothing, which every place outside a digit reads
        reach = torch.arange(self.size, device=device)
        last = padded.shape[1] - 1
        clips = torch.zeros(len(numbers), self.n_frames, self.size, self.size, device=device)
        for digit in range(self.n_digits):
            image = torch.from_numpy(which[:, digit]).to(device)[:, None, None, None]
            rows, columns = (
                (reach - torch.from_numpy(corner[:, digit]).to(device)[..., None] + 1).clamp(0, last) for corner in (top, left)
            )
            clips = torch.maximum(clips, padded[image, rows[..., :, None], columns[..., None, :]])
        return (clips[:, :, None],)

    def places(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return which image each digit has, (n, n_digits), and its top and left, (n, n_digits, n_frames)."""
        chance = _uniform(self.seed, self.epoch, numbers, 4 * self.n_digits).reshape(len(numbers), self.n_digits, 4)
        which = (chance[..., 0] * len(self.images)).astype(np.int64)
        angle = 2 * np.pi * chance[..., 3]
        room = self.size - self.images.shape[1]
        top = bounced(chance[..., 2], np.sin(angle), self.n_frames)
        left = bounced(chance[..., 1], np.cos(angle), self.n_frames)
        return which, np.floor(room * top).astype(np.int64), np.floor(room * left).astype(np.int64)


def bounced(start: np.ndarray, velocity: np.ndarray, n_frames: int, step: float = STEP) -> np.ndarray:
    """Return where things are in each frame, (..., n_frames), between walls at 0 and 1: they move, and turn round where they meet one.

    Examples
    --------
    >>> bounced(np.array([0.75]), np.array([1.0]), 5).round(2).tolist()
    [[0.85, 0.95, 1.0, 0.9, 0.8]]
    """
    made = np.empty((*start.shape, n_frames))
    for frame in range(n_frames):
        start = start + step * velocity
        velocity = np.where((start <= 0) | (start >= 1), -velocity, velocity)
        start = start.clip(0.0, 1.0)
        made[..., frame] = start
    return made


def parts_of(n_images: int, shares: tuple[float, ...] = (0.7, 0.15, 0.15), seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return numbers of images for each part of the data, none of them in two parts.

    Raises
    ------
    UsageError
        The shares do not add up to 1.

    Examples
    --------
    >>> [len(part) for part in parts_of(100)]
    [70, 15, 15]
    """
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise UsageError(f"parts_of expects shares above 0 that add up to 1, got {shares}.")
    ends = np.round(np.cumsum(shares)[:-1] * n_images).astype(int)
    return tuple(np.split(np.random.default_rng(seed).permutation(n_images), ends))


def _uniform(seed: int, epoch: int, numbers: np.ndarray, n: int) -> np.ndarray:
    """Return n numbers in [0, 1) for each video, (len(numbers), n), which follow from seed, epoch and number (SplitMix64 as a hash)."""
    mixed = np.full(1, seed & 0xFFFFFFFFFFFFFFFF, dtype=np.uint64)
    for part in (np.asarray([epoch]), numbers[:, None], np.arange(n)[None]):
        mixed = _mixed(mixed + part.astype(np.uint64))
    made: np.ndarray = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return made


def _mixed(state: np.ndarray) -> np.ndarray:
    """Return SplitMix64's output for a state (Steele, Lea, Flood 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    made: np.ndarray = state ^ (state >> np.uint64(31))
    return made
