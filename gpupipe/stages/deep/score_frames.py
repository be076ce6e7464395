"""Scores of predicted frames, several predictions side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import PlanError, UsageError, listing
from gpupipe.core.node import Node
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.deep._frame_scores import (
    COPY,
    ZERO,
    frame_scores,
    require_same_frames,
    scores_schema,
    scores_table,
    split,
    tell,
)
from gpupipe.stages.deep._frames import DIMS, as_dims, check_frames, clips_of


@dataclass(frozen=True, init=False)
class ScoreFrames(TaskStage):
    """Compares predicted frames with those that came, beside a black frame and a copy of the last one shown.

    ``ScoreFrames(["a", "b"], n_seen=10)(videos, a, b)`` takes whole videos, and a tensor of predicted frames under each name. The table has
    a row for each forecast and frame: ``forecast``, ``ahead``, ``mse_per_pixel_x1000`` (a thousand times the mean squared error of a
    pixel), ``mse_per_frame`` (the sum of squared errors over the pixels of a frame), ``ssim`` (structural similarity; see
    `gpupipe.kernels.ssim`), all means over the sequences. The report shows them as curves, and the frames of some sequences side by side.

    Parameters
    ----------
    names
        What the predictions are called.
    n_seen
        How many frames of each video were shown; the others are compared.
    window
        The side of the squares of the structural similarity; frames of [0, 1] have the data range 1.
    n_pictures
        Of how many sequences the report shows the frames.
    dims
        What the dimensions are called: sequence, time, height, width, and channel where there is one.

    Raises
    ------
    UsageError
        A name stands twice or is that of a forecast without a model, or a number is none.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> rows = [(0, t, y, x, float(t > 0)) for t in range(3) for y in range(3) for x in range(3)]
    >>> dims = ["sequence", "time", "height", "width"]
    >>> videos = ToTensor(dims, "ink").apply(pl.DataFrame(rows, [*dims, "ink"], orient="row"))
    >>> last = ToTensor(dims, "ink").apply(pl.DataFrame([row for row in rows if row[1] > 1], [*dims, "ink"], orient="row"))
    >>> scores = ScoreFrames(["mine"], n_seen=2, window=3, dims=dims).apply(videos, last)
    >>> scores["forecast"].to_list(), scores["mse_per_frame"].to_list()
    (['mine', 'zero frame', 'copy of the last frame'], [0.0, 9.0, 0.0])
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor, Tensor)
    many: ClassVar[bool] = True

    names: tuple[str, ...]
    n_seen: int
    window: int
    n_pictures: int
    dims: tuple[str, ...]

    def __init__(self, names: Sequence[str], *, n_seen: int, window: int = 7, n_pictures: int = 3, dims: Sequence[str] = DIMS) -> None:
        held = (names,) if isinstance(names, str) else tuple(names)
        if not held or len({*held, ZERO, COPY}) < len(held) + 2:
            raise UsageError(f"ScoreFrames expects a name for each prediction, other than {ZERO!r} and {COPY!r}, got {listing(held)}.")
        if n_seen < 1 or n_pictures < 0 or window < 3 or window % 2 == 0:
            got = f"{n_seen}, {n_pictures} and {window}"
            raise UsageError(f"ScoreFrames expects n_seen from 1, n_pictures from 0 and an odd window from 3 on, got {got}.")
        settle(self, names=held, n_seen=n_seen, window=window, n_pictures=n_pictures, dims=as_dims(dims, "ScoreFrames"))

    def plan(self, *specs: TensorSpec) -> Schema:
        """Return the columns of the scores."""
        if len(specs) != len(self.names) + 1:
            raise PlanError(f"ScoreFrames has {len(self.names)} names and got {len(specs) - 1} predictions beside the videos.")
        for spec in specs:
            check_frames(spec, self.dims, self.name)
        return scores_schema()

    def solve(self, tools: Tools, *inputs: TensorData) -> nw.DataFrame[Any]:
        """Return the scores."""
        clips, *predictions = (clips_of(tools, tensor, self.dims, self.name) for tensor in inputs)
        seen, truth = split(clips, self.n_seen, self.name)
        made = dict(zip(self.names, predictions, strict=True))
        for name, frames in made.items():
            require_same_frames(truth, frames, name, self.name)
        scores = frame_scores(tools, seen, truth, made, self.window)
        tell(tools, scores, seen, truth, made, self.window, self.n_pictures)
        return scores_table(tools, scores)
