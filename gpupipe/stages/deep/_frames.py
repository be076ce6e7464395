"""Videos of a tensor as networks take them, and predicted frames as a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.errors import PlanError, StageError, UsageError, listing
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import TensorData, TensorSpec

DIMS = ("sequence", "time", "height", "width", "channel")


def as_dims(dims: Sequence[str], stage: str) -> tuple[str, ...]:
    """Return the names of a video's dimensions.

    Raises
    ------
    UsageError
        They are not four or five different ones.
    """
    names = tuple(dims)
    if len(names) not in (4, 5) or len(set(names)) < len(names):
        msg = f"{stage} expects dims to name sequence, time, height, width and, of colours, channel in that order, got {listing(names)}."
        raise UsageError(msg)
    return names


def check_frames(spec: TensorSpec, dims: Sequence[str], stage: str) -> None:
    """Raise PlanError for a tensor that holds no videos."""
    for name in dims:
        spec.place(name, stage)
    if spec.sparse or len(spec.dims) != len(dims):
        got = "a sparse one" if spec.sparse else f"one of {listing(spec.names)}"
        raise PlanError(f"{stage} expects a dense tensor of {listing(list(dims))}, got {got}. Say dims=(...) of the tensor.")


def clips_of(tools: Tools, tensor: TensorData, dims: Sequence[str], stage: str) -> Any:
    """Return videos (sequence, time, channel, height, width) as float32, on the engine's device.

    Raises
    ------
    StageError
        A cell is missing, or no number from 0 to 1.
    """
    xp = tools.xp
    tensor.observed(stage)
    values = tensor.dense(stage)
    if values.size and not bool((values.min() >= 0) & (values.max() <= 1)):
        low, high = float(values.min()), float(values.max())
        msg = f"{stage} expects pixels from 0 (black) to 1, got {low:.6g} to {high:.6g}. Divide them first: bytes by 255."
        raise StageError(msg)
    values = xp.transpose(values, [tensor.dims.index(name) for name in dims])
    values = values[..., None] if len(dims) == 4 else values
    return xp.ascontiguousarray(xp.moveaxis(values, 4, 2).astype(xp.float32))


def frames_spec(spec: TensorSpec, dims: Sequence[str]) -> TensorSpec:
    """Return what is known of predicted frames: as those given, but that time is counted in steps ahead."""
    held = tuple((name, nw.Int64() if name == dims[1] else dtype) for name, dtype in spec.dims)
    return TensorSpec(held, (spec.value[0], nw.Float32()))


def frames_tensor(tools: Tools, frames: Any, like: TensorData, dims: Sequence[str]) -> TensorData:
    """Return frames (sequence, time, channel, height, width) as a tensor with the other one's labels, its time from 1 on."""
    xp = tools.xp
    values = xp.moveaxis(frames, 2, 4)
    values = values[..., 0] if len(dims) == 4 else values
    values = xp.ascontiguousarray(xp.transpose(values, [list(dims).index(name) for name in like.dims]))
    ahead = tools.adopted(pa.table({dims[1]: pa.array(range(1, frames.shape[1] + 1), pa.int64())}))
    labels = tuple(ahead if name == dims[1] else frame for name, frame in zip(like.dims, like.labels, strict=True))
    return TensorData(values, None, None, labels, like.value)
