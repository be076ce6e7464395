"""Videos of moving digits, made of their images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.errors import PlanError, StageError, UsageError, listing
from gpupipe.core.node import Node
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.deep.moving_digits import MovingDigits, parts_of
from gpupipe.deep.network import as_array, as_torch
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.deep._frames import DIMS

_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class MoveDigits(TaskStage):
    """Makes videos of digits that move and bounce (Moving MNIST) of a tensor of images, image x row x column, with pixels from 0 to 1.

    The tensor has the dimensions ``sequence``, ``time``, ``height``, ``width`` and ``channel``, all counted from 0 on. How digits move is
    told by `gpupipe.deep.moving_digits.MovingDigits`.

    Parameters
    ----------
    n_sequences, size, n_digits, n_frames, seed
        How many videos, the side of a frame, digits and frames of a video, and the seed; a video depends on it and its number alone.
    part
        Which of the images to take: ``"train"`` (70 of 100), ``"validation"`` or ``"test"`` (15 each), of which no image is in two; or
        ``"all"``.

    Raises
    ------
    UsageError
        A number is below 1, or there is no such part.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> cells = [(image, row, column, 1.0) for image in range(20) for row in range(4) for column in range(4)]
    >>> images = ToTensor(["image", "row", "column"], "ink").apply(pl.DataFrame(cells, ["image", "row", "column", "ink"], orient="row"))
    >>> videos = MoveDigits(5, size=8, n_digits=1, n_frames=6, part="test").apply(images)
    >>> videos.headline, float(videos.values[0, 0].sum())
    ('5 sequence x 6 time x 8 height x 8 width x 1 channel', 16.0)
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)
    gives: ClassVar[type[Node]] = Tensor

    n_sequences: int
    size: int = 64
    n_digits: int = 2
    n_frames: int = 20
    seed: int = 0
    part: Literal["all", "train", "validation", "test"] = "all"

    def __post_init__(self) -> None:
        if self.part not in ("all", *_PARTS):
            raise UsageError(f"MoveDigits expects part to be 'all', {', '.join(map(repr, _PARTS))}, got {self.part!r}.")
        if min(self.n_sequences, self.size, self.n_digits, self.n_frames) < 1:
            got = f"{self.n_sequences}, {self.size}, {self.n_digits}, {self.n_frames}"
            raise UsageError(f"MoveDigits expects n_sequences, size, n_digits and n_frames of at least 1, got {got}.")

    def plan(self, *specs: TensorSpec) -> TensorSpec:
        """Return the dimensions."""
        if len(specs[0].dims) != 3 or specs[0].sparse:
            got = "a sparse one" if specs[0].sparse else f"one of {listing(specs[0].names)}"
            raise PlanError(f"MoveDigits expects a dense tensor of images, rows and columns, got {got}.")
        return TensorSpec(tuple((name, nw.Int64()) for name in DIMS), (specs[0].value[0], nw.Float32()))

    def solve(self, tools: Tools, *inputs: TensorData) -> TensorData:
        """Return the videos."""
        (tensor,) = inputs
        tensor.observed(self.name)
        images = tensor.dense(self.name).astype(tools.xp.float32)
        if self.part != "all":
            images = images[tools.xp.asarray(parts_of(len(images))[_PARTS.index(self.part)])]
        if not len(images):
            raise StageError(f"MoveDigits expects images for the part {self.part!r}, got {tensor.shape[0]} in all. Give more.")
        digits = MovingDigits(as_torch(images), self.n_sequences, self.size, self.n_digits, self.n_frames, self.seed)
        (clips,) = digits[range(self.n_sequences)]
        values = as_array(clips.permute(0, 1, 3, 4, 2), tools.xp)
        labels = tuple(
            tools.adopted(pa.table({name: pa.array(range(size), pa.int64())})) for name, size in zip(DIMS, values.shape, strict=True)
        )
        return TensorData(values, None, None, labels, tensor.value)
