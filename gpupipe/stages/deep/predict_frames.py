"""Trains a network that goes on with videos."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.answers import answers
from gpupipe.core.errors import ArtefactError, StageError, UsageError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.deep import History, Training
from gpupipe.deep.frame_network import FrameNetwork
from gpupipe.deep.frame_objective import NextFrames, TeacherForcing
from gpupipe.deep.frames import go_on, learn_frames
from gpupipe.deep.network import Network, n_parameters, options_of, weights_of
from gpupipe.deep.training_settings import as_training
from gpupipe.deep.weights import Weights, as_parts
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.deep._frame_scores import frame_scores, scores_schema, scores_table, split, tell
from gpupipe.stages.deep._frames import DIMS, as_dims, check_frames, clips_of, frames_spec, frames_tensor
from gpupipe.stages.deep._start import as_start, chosen_start, require_start, weights_of_start


@dataclass(frozen=True, eq=False, repr=False)
class FittedFrames(Holding):
    """A trained network of frames.

    Parameters
    ----------
    factory, options
        What makes the network, and with which options (JSON).
    names, weights
        Its weights and buffers.
    dims
        What the dimensions of videos are called.
    n_seen, n_ahead
        How many frames it was shown, and how many it learnt to predict.
    device, batch_size
        Where and by how many sequences it predicts.
    figures, figure_names, best
        A row of figures for each epoch, their names, and the best epoch.
    """

    word: ClassVar[str] = "network of frames"

    factory: Any
    options: str
    names: tuple[str, ...]
    weights: tuple[Any, ...]
    dims: tuple[str, ...]
    n_seen: int
    n_ahead: int
    device: str
    batch_size: int
    figures: Any
    figure_names: tuple[str, ...]
    best: int

    @cached_property
    def network(self) -> Any:
        """The network, for predictions."""
        return Network(self.factory, **options_of(self.options)).made_of(self.names, self.weights)

    @property
    def history(self) -> History:
        """The epochs of its training."""
        rows = [{name: value for name, value in zip(self.figure_names, row, strict=True) if not math.isnan(value)} for row in self.figures]
        return History([{**row, "epoch": int(row["epoch"])} for row in rows], self.best)

    @answers(Tensor, gives=Tensor)
    def predict(self) -> FramesAhead:
        """Return the frames after the `n_seen` first ones of each video, as many as were learnt; time is in steps ahead, from 1 on."""
        return FramesAhead(self, self.n_ahead, self.n_seen)

    @answers(Tensor, gives=Tensor)
    def ahead(self, n_ahead: int, n_seen: int | None = None) -> FramesAhead:
        """Return the `n_ahead` frames after the first `n_seen` of each video, or after all of it; time is in steps ahead."""
        return FramesAhead(self, n_ahead, n_seen)

    @answers(Tensor)
    def scores(self, window: int = 7, n_pictures: int = 3) -> FramesCompared:
        """Return how near the frames after those shown are predicted, a row for each forecast and frame; see `ScoreFrames`."""
        return FramesCompared(self, window, n_pictures)

    def check(self) -> None:
        """Raise ArtefactError unless the weights are those of the network, and the other parts fit one another."""
        sound = all(isinstance(array, np.ndarray) for array in (*self.weights, self.figures)) and len(self.names) == len(self.weights)
        sound = sound and self.figures.ndim == 2 and self.figures.shape[1] == len(self.figure_names) and "epoch" in self.figure_names
        sound = (
            sound
            and 0 < self.best <= len(self.figures)
            and min(self.n_seen, self.n_ahead) > 0
            and self.batch_size > 0
            and len(self.dims) in (4, 5)
        )
        if not sound:
            raise ArtefactError("Expected a network's weights, and a row of figures an epoch, got others. Save what was fitted again.")
        try:
            self.describe()  # for which the network is made, and its weights looked through
        except (UsageError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArtefactError(f"What was saved of a network is damaged: {error}. Save what was fitted again.") from error

    def describe(self) -> Mapping[str, Any]:
        """Return what the network is, and how it was trained."""
        options = options_of(self.options)
        facts: dict[str, Any] = {"network": Network(self.factory, **options).name}
        if not len(self.figures):
            return {"facts": facts}
        facts |= {"parameters": n_parameters(self.network), "frames shown": self.n_seen, **self.history.facts()}
        parts = [{"kind": "facts", "title": f"Options of {facts['network']}", "values": options}] if options else []
        return {"facts": facts, "cards": [{"title": "Training", "parts": [*parts, *self.history.parts()]}]}


@dataclass(frozen=True)
class OfVideos(TaskStage):
    """An answer about videos."""

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)

    model: FittedFrames

    def frames(self, tools: Tools, seen: Any, n_ahead: int) -> Any:
        """Return the frames after those shown, an array on the engine's device."""
        model = self.model
        return go_on(model.network, seen, n_ahead, device=model.device, batch_size=model.batch_size, xp=tools.xp)


@dataclass(frozen=True)
class FramesAhead(OfVideos):
    """Gives the frames after those of videos."""

    gives: ClassVar[type[Node]] = Tensor

    n_ahead: int
    n_seen: int | None

    def __post_init__(self) -> None:
        if self.n_ahead < 1 or (self.n_seen is not None and self.n_seen < 1):
            raise UsageError(f"n_ahead and n_seen are numbers of frames, from 1 on, got {self.n_ahead} and {self.n_seen}.")

    def plan(self, *specs: TensorSpec) -> TensorSpec:
        """Return the dimensions."""
        check_frames(specs[0], self.model.dims, self.name)
        return frames_spec(specs[0], self.model.dims)

    def solve(self, tools: Tools, *inputs: TensorData) -> TensorData:
        """Return the frames."""
        clips = clips_of(tools, inputs[0], self.model.dims, self.name)
        if not clips.shape[1] or (self.n_seen or 0) > clips.shape[1]:
            raise StageError(f"{self.name} expects videos of at least {self.n_seen or 1} frames, got {clips.shape[1]}.")
        frames = self.frames(tools, clips[:, : self.n_seen], self.n_ahead)
        return frames_tensor(tools, frames, inputs[0], self.model.dims)


@dataclass(frozen=True)
class FramesCompared(OfVideos):
    """Gives the scores of the frames after those shown."""

    window: int
    n_pictures: int

    def plan(self, *specs: TensorSpec) -> Schema:
        """Return the columns of the scores."""
        check_frames(specs[0], self.model.dims, self.name)
        return scores_schema()

    def solve(self, tools: Tools, *inputs: TensorData) -> nw.DataFrame[Any]:
        """Return the scores."""
        clips = clips_of(tools, inputs[0], self.model.dims, self.name)
        seen, truth = split(clips, self.model.n_seen, self.name)
        made = {"network": self.frames(tools, seen, truth.shape[1])}
        scores = frame_scores(tools, seen, truth, made, self.window)
        tell(tools, scores, seen, truth, made, self.window, self.n_pictures)
        return scores_table(tools, scores)


@dataclass(frozen=True, init=False)
class PredictFrames(TaskStage):
    """Trains a network that goes on with videos: on a tensor sequence x time x height x width x channel, with pixels from 0 to 1.

    The network is shown the first `n_seen` frames of a video, and learns to say each next one to the end of it. What is fitted answers
    ``predict(videos)`` and ``ahead(videos, n_ahead=10)`` with the frames that come, a tensor, and ``scores(videos)`` with the errors of
    each frame beside a black frame and a copy of the last one. The report has its curves, and the frames side by side.

    ``PredictFrames(...).fit(videos, before)`` goes on from what another one fitted: with its weights; the optimiser begins anew.

    Parameters
    ----------
    options
        What the network is made with: those of `gpupipe.deep.frame_network.FrameNetwork`, ``{"cell": "conv-lstm", "channels": (16,)}``.
    n_seen
        How many frames are shown.
    network
        Another class of ``torch.nn.Module`` that is called as `FrameNetwork` is, or a function that returns a module.
    dims
        What the dimensions are called: sequence, time, height, width, and channel where there is one.
    squares, absolutes
        The weights of the mean squared and of the mean absolute error in the loss, see `gpupipe.deep.frame_objective.NextFrames`.
    forcing
        How often the truth is shown after those frames in training, see `TeacherForcing` there; never unless given.
    validation
        The share of sequences, drawn by the training's seed, that tells the best epoch and is not learnt from; 0 for none.
    start, anew
        What the training begins with in the place of weights drawn by chance, and the parts of the network that are drawn all the same,
        see `LearnDeep`.
    training
        How it is trained, see `gpupipe.deep.Training`.

    Raises
    ------
    UsageError
        The options make no network, or a number is none.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import MoveDigits, ToTensor
    >>> cells = [(image, row, column, 1.0) for image in range(20) for row in range(2) for column in range(2)]
    >>> images = ToTensor(["image", "row", "column"], "ink").apply(pl.DataFrame(cells, ["image", "row", "column", "ink"], orient="row"))
    >>> videos = MoveDigits(6, size=8, n_digits=1, n_frames=6).apply(images)
    >>> options = {"cell": "conv-lstm", "channels": (4,), "layers": 1, "kernel_size": 3}
    >>> fitted = PredictFrames(options, n_seen=3, training=Training(1, device="cpu")).apply(videos)
    >>> fitted.ahead(n_ahead=4).apply(videos).headline
    '6 sequence x 4 time x 8 height x 8 width x 1 channel'
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor, Fitted)
    optional: ClassVar[int] = 1
    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = FittedFrames

    network: Network
    objective: NextFrames
    dims: tuple[str, ...]
    validation: float
    start: FittedFrames | Weights | None
    anew: tuple[str, ...]
    training: Training

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        n_seen: int,
        network: Callable[..., Any] = FrameNetwork,
        dims: Sequence[str] = DIMS,
        squares: float = 1.0,
        absolutes: float = 0.0,
        forcing: TeacherForcing | None = None,
        validation: float = 0.1,
        start: FittedFrames | Mapping[str, Any] | str | Path | None = None,
        anew: str | Sequence[str] = (),
        training: Training | None = None,
    ) -> None:
        if not 0 <= validation < 1:
            raise UsageError(f"PredictFrames' validation is a share of the sequences, from 0 to below 1, got {validation!r}.")
        how = as_training(training, "PredictFrames")
        if how.patience is not None and not validation:
            raise UsageError("A training with patience needs sequences for validation: give PredictFrames a share, validation=0.1.")
        settle(self, network=Network.of(network, options), objective=NextFrames(n_seen, squares, absolutes, forcing))
        settle(self, dims=as_dims(dims, "PredictFrames"), validation=float(validation), training=how)
        settle(self, start=as_start(start, FittedFrames, "PredictFrames"), anew=as_parts(anew, "PredictFrames"))

    @property
    def refers_to(self) -> Sequence[Callable[..., Any]]:
        """What makes the network."""
        return [self.network.factory]

    def plan(self, *specs: Any) -> FittedFrames:
        """Return the network fitted to nothing; raise where it cannot be made, or the tensor holds no videos."""
        check_frames(specs[0], self.dims, self.name)
        start = chosen_start(self.start, specs, 1, self.anew, FittedFrames, self.name)
        require_start(start, self.network.make(self.training.seed), self.anew, self.name)
        return self._kept((), (), History(), 1)

    def solve(self, tools: Tools, *inputs: Any) -> FittedFrames:
        """Return the trained network."""
        clips = clips_of(tools, inputs[0], self.dims, self.name)
        split(clips, self.objective.n_seen, self.name)
        network = self.network.make(self.training.seed)
        start = weights_of_start(chosen_start(self.start, inputs, 1, self.anew, FittedFrames, self.name))
        counts, history = learn_frames(network, self.objective, clips, self.validation, self.training, tools.progress, start, self.anew)
        tools.note(sequences=counts[0], validated=counts[1])
        return self._kept(*weights_of(network), history, clips.shape[1] - self.objective.n_seen)

    def _kept(self, names: tuple[str, ...], weights: tuple[Any, ...], history: History, n_ahead: int) -> FittedFrames:
        """Return the network as it is held."""
        columns = history.names or ("epoch",)
        figures = np.array([[float(row.get(name, np.nan)) for name in columns] for row in history.epochs]).reshape(-1, len(columns))
        return FittedFrames(
            factory=self.network.factory,
            options=self.network.options_text,
            names=names,
            weights=weights,
            dims=self.dims,
            n_seen=self.objective.n_seen,
            n_ahead=n_ahead,
            device=self.training.device,
            batch_size=self.training.batch_size,
            figures=figures,
            figure_names=columns,
            best=history.best,
        )
