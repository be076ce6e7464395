"""How near predicted frames are to those that came, frame by frame, beside a black frame and a copy of the last one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import StageError
from gpupipe.core.schema import Field, Schema
from gpupipe.core.tools import Tools
from gpupipe.kernels.png import png_text
from gpupipe.kernels.ssim import ssim
from gpupipe.stages._lines import curve_part
from gpupipe.stages.tensors._pictures import on_host

FORECAST, AHEAD = "forecast", "ahead"
PER_PIXEL, PER_FRAME, SSIM = "mse_per_pixel_x1000", "mse_per_frame", "ssim"
ZERO, COPY = "zero frame", "copy of the last frame"


def scores_schema() -> Schema:
    """Return the columns of scores."""
    dtypes = {FORECAST: nw.String(), AHEAD: nw.Int64(), PER_PIXEL: nw.Float64(), PER_FRAME: nw.Float64(), SSIM: nw.Float64()}
    return Schema(tuple((name, Field(dtype, nullable=False)) for name, dtype in dtypes.items()))


def frame_scores(tools: Tools, seen: Any, truth: Any, made: Mapping[str, Any], window: int) -> dict[str, Any]:
    """Return for each forecast, and for both that need no model, arrays (n_ahead, 3) of the scores of each frame.

    Parameters
    ----------
    seen, truth
        Frames (sequence, time, channel, height, width): those that were shown, and those that came.
    made
        The frames of forecasts, by name, as many as `truth` has.
    window
        That of the structural similarity.
    """
    xp = tools.xp
    zero = xp.zeros_like(truth)
    forecasts = {**made, ZERO: zero, COPY: zero + seen[:, -1:]}
    return {name: on_host(_scores(xp, truth, frames, window)) for name, frames in forecasts.items()}


def _scores(xp: Any, truth: Any, frames: Any, window: int) -> Any:
    """Return the scores of each frame, means over sequences."""
    cells = frames.shape[2] * frames.shape[3] * frames.shape[4]
    squares = ((frames.astype(xp.float64) - truth) ** 2).mean(axis=(0, 2, 3, 4))
    alike = xp.stack([ssim(xp, frames[:, at], truth[:, at], window=window).mean() for at in range(truth.shape[1])])
    return xp.stack([squares * 1e3, squares * cells, alike], axis=1)


def scores_table(tools: Tools, scores: Mapping[str, Any]) -> nw.DataFrame[Any]:
    """Return a row for each forecast and frame."""
    n_ahead = len(next(iter(scores.values())))
    names = [name for name in scores for _ in range(n_ahead)]
    figures = np.concatenate(list(scores.values()))
    columns = {FORECAST: pa.array(names, pa.large_string()), AHEAD: np.tile(np.arange(1, n_ahead + 1), len(scores))}
    made: nw.DataFrame[Any] = tools.adopted(pa.table(columns | dict(zip((PER_PIXEL, PER_FRAME, SSIM), figures.T, strict=True))))
    return made


def tell(tools: Tools, scores: Mapping[str, Any], seen: Any, truth: Any, made: Mapping[str, Any], window: int, n_pictures: int) -> None:
    """Tell the report the means, curves by frame, and pictures of some sequences."""
    rows = [[name, *(float(f"{figure:.6g}") for figure in held.mean(axis=0))] for name, held in scores.items()]
    columns = [FORECAST, "MSE per pixel x 1000", "MSE per frame (sum over pixels)", f"SSIM (window {window}, data range 1)"]
    ahead = list(range(1, len(next(iter(scores.values()))) + 1))
    curves = [
        curve_part(title, "frames ahead", "", ahead, {name: held[:, at].tolist() for name, held in scores.items()})
        for at, title in enumerate(columns[1:])
    ]
    tools.show("Frames: errors", {"kind": "table", "title": "Means over frames", "columns": columns, "rows": rows}, *curves)
    shown = range(min(n_pictures, len(truth)))
    if shown:
        tools.show("Frames: what came and what was predicted", *(pictures_part(seen, truth, made, number) for number in shown))


def pictures_part(seen: Any, truth: Any, made: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """Return a part of a card with the frames of a sequence side by side: those shown, those that came, and those of each forecast."""
    columns = list(range(1, max(seen.shape[1], truth.shape[1]) + 1))
    held = {"shown": seen, "what came": truth, **made}
    rows = [[name, *_pictures(on_host(frames[number]), len(columns))] for name, frames in held.items()]
    return {"kind": "pictures", "title": f"Sequence {number}, by frame", "columns": columns, "rows": rows}


def _pictures(frames: Any, n_columns: int) -> list[str | None]:
    """Return frames (time, channel, height, width) as pictures, and nothing after the last; of two channels or many, the first."""
    frames = frames if frames.shape[1] in (1, 3) else frames[:, :1]
    made: list[str | None] = [png_text(np.moveaxis(frame, 0, 2)) for frame in frames]
    return made + [None] * (n_columns - len(made))


def split(clips: Any, n_seen: int, stage: str) -> tuple[Any, Any]:
    """Return the frames that are shown and those after them.

    Raises
    ------
    StageError
        There are none after them.
    """
    if clips.shape[1] <= n_seen:
        msg = f"{stage} shows {n_seen} frames and compares those after them, got videos of {clips.shape[1]}. Give longer ones."
        raise StageError(msg)
    return clips[:, :n_seen], clips[:, n_seen:]


def require_same_frames(truth: Any, frames: Any, name: str, stage: str) -> None:
    """Raise StageError for predicted frames of another shape than those that came."""
    if frames.shape != truth.shape:
        msg = (
            f"{stage} expects {truth.shape[1]} frames of {truth.shape[0]} sequences for {name!r}, "
            f"got {frames.shape[1]} of {frames.shape[0]}. Predict as many from the same tensor."
        )
        raise StageError(msg)
