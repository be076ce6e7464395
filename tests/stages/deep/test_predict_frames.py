"""Networks of frames in a pipeline: trained, asked, saved, and shown."""

import dataclasses
from typing import Any

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from sklearn.datasets import load_digits  # noqa: E402

import gpupipe as gp  # noqa: E402
from gpupipe.core.errors import ArtefactError, ColumnError, PlanError, StageError, UsageError  # noqa: E402
from gpupipe.deep import Training  # noqa: E402
from gpupipe.deep.frame_network import FrameNetwork  # noqa: E402
from gpupipe.testing.tasks import check_task  # noqa: E402

N = 30
PIXELS = load_digits().images[:N] / 16
CELLS = pl.DataFrame(
    {
        "image": np.repeat(np.arange(N), 64),
        "row": np.tile(np.repeat(np.arange(8), 8), N),
        "column": np.tile(np.arange(8), 8 * N),
        "ink": PIXELS.ravel(),
    }
)
OPTIONS = {"cell": "conv-tt-lstm", "channels": (3,), "layers": 1, "kernel_size": 3, "rank": 2}
TRAINING = Training(2, 8, 0.01, device="cpu")


def videos_of(cells: Any) -> Any:
    return gp.MoveDigits(20, size=10, n_digits=1, n_frames=6)(gp.ToTensor(["image", "row", "column"], "ink")(cells))


def fitted_to(videos: Any, **options: Any) -> Any:
    return gp.PredictFrames(OPTIONS, **{"n_seen": 4, "training": TRAINING, **options}).fit(videos)


@pytest.fixture(scope="module")
def run() -> Any:
    videos = videos_of(gp.FromFrame(CELLS).node())
    fitted = fitted_to(videos)
    outputs = {"videos": videos, "fitted": fitted, "ahead": fitted.predict(videos), "scores": fitted.scores(videos)}
    return gp.Pipeline("frames", outputs).run("cpu")


def test_law() -> None:
    made = check_task(lambda cells: fitted_to(videos_of(cells)).predict(videos_of(cells)), CELLS, rtol=1e-5)
    assert made.shape == (20, 2, 10, 10, 1)


def test_predictions_are_those_of_the_network(run: Any) -> None:
    shown = torch.from_numpy(run["videos"].values[:, :4]).permute(0, 1, 4, 2, 3)
    network = FrameNetwork(**OPTIONS)
    network.load_state_dict(run["fitted"].network.state_dict())
    expected = network.predict(shown, 2).permute(0, 1, 3, 4, 2).numpy()
    assert np.allclose(run["ahead"].values, expected, atol=1e-6)
    assert run["ahead"].labels[1]["time"].to_list() == [1, 2] and run["ahead"].dims == run["videos"].dims


def test_its_scores_are_those_of_its_predictions(run: Any) -> None:
    again = gp.ScoreFrames(["network"], n_seen=4).apply(run["videos"], run["ahead"])
    assert run["scores"].rows() == again.rows() and len(again) == 6


def test_time_may_stand_anywhere(run: Any) -> None:
    videos = run["videos"]
    order = [3, 0, 2, 4, 1]
    turned = type(videos)(np.transpose(videos.values, order), None, None, tuple(videos.labels[at] for at in order), videos.value)
    made = run["fitted"].ahead(2, 4).apply(turned)
    assert np.allclose(np.transpose(made.values, np.argsort(order)), run["ahead"].values, atol=1e-6)


def test_grey_videos_need_no_channel() -> None:
    rows = [(s, t, y, x, float((s + t + y + x) % 3) / 2) for s in range(10) for t in range(4) for y in range(7) for x in range(7)]
    dims = ["clip", "at", "y", "x"]
    videos = gp.ToTensor(dims, "ink").apply(pl.DataFrame(rows, [*dims, "ink"], orient="row"))
    fitted = gp.PredictFrames(OPTIONS, n_seen=3, dims=dims, training=Training(1, device="cpu")).apply(videos)
    assert fitted.ahead(3).apply(videos).headline == "10 clip x 3 at x 7 y x 7 x"


def test_a_training_is_resumed_with_equal_results(tmp_path: Any) -> None:
    videos = gp.MoveDigits(20, size=10, n_digits=1, n_frames=6).apply(gp.ToTensor(["image", "row", "column"], "ink").apply(CELLS))
    whole = gp.PredictFrames(OPTIONS, n_seen=4, training=Training(3, 8, 0.01, device="cpu")).apply(videos)
    for epochs in (1, 3):
        resumed = gp.PredictFrames(OPTIONS, n_seen=4, training=Training(epochs, 8, 0.01, device="cpu", folder=tmp_path)).apply(videos)
    assert all(np.array_equal(one, other) for one, other in zip(whole.weights, resumed.weights, strict=True))


def test_the_report_shows_training_errors_and_frames(run: Any, tmp_path: Any) -> None:
    titles = [card["title"] for card in run.report["cards"]]
    assert titles == ["Training", "Frames: errors", "Frames: what came and what was predicted"]
    stage = next(stage for stage in run.report["stages"] if stage["name"] == "PredictFrames")
    assert stage["facts"]["parameters"] == 584 and stage["facts"]["validated"] == 2
    assert run.report["cards"][0]["parts"][0]["values"]["cell"] == "conv-tt-lstm"


def test_a_damaged_file_is_told(run: Any) -> None:
    changed = dataclasses.replace(run["fitted"], weights=run["fitted"].weights[:-1])
    with pytest.raises(ArtefactError, match="Save what was fitted again"):
        changed.check()


class Still(torch.nn.Module):
    """Gives the last frame alone."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(1, 1, 1)

    def forward(self, frames: Any, *options: Any) -> Any:
        return self.layer(frames[:, -1])


class Bare(Still):
    """Takes frames alone."""

    def forward(self, frames: Any) -> Any:
        return frames


@pytest.mark.parametrize(
    ("kind", "said"),
    [(Still, r"every next frame of clips .*\(8, 5, 1, 10, 10\), got \(8, 1, 10, 10\)"), (Bare, "called as FrameNetwork is")],
)
def test_a_network_of_ones_own_is_held_to_its_frames(run: Any, kind: Any, said: str) -> None:
    with pytest.raises((StageError, UsageError), match=said):
        gp.PredictFrames({}, network=kind, n_seen=4, validation=0, training=TRAINING).apply(run["videos"])


def test_what_does_not_fit_is_told(run: Any) -> None:
    videos = run["videos"]
    with pytest.raises(UsageError, match="n_seen from 1 on"):
        gp.PredictFrames(OPTIONS, n_seen=0)
    with pytest.raises(UsageError, match="a share of the sequences"):
        gp.PredictFrames(OPTIONS, n_seen=3, validation=1.0)
    with pytest.raises(UsageError, match="patience needs sequences for validation"):
        gp.PredictFrames(OPTIONS, n_seen=3, validation=0, training=Training(patience=3))
    with pytest.raises(UsageError, match="cannot be made with .*odd kernel_size"):
        gp.PredictFrames({**OPTIONS, "kernel_size": 4}, n_seen=3).apply(videos)
    with pytest.raises(ColumnError, match="no dimension 'clip'"):
        gp.PredictFrames(OPTIONS, n_seen=3, dims=["clip", "time", "height", "width", "channel"]).apply(videos)
    with pytest.raises(PlanError, match="expects a dense tensor of 'sequence', 'time', 'height', 'width', got one of"):
        gp.PredictFrames(OPTIONS, n_seen=3, dims=["sequence", "time", "height", "width"]).apply(videos)
    with pytest.raises(StageError, match="shows 6 frames and compares those after them, got videos of 6"):
        gp.PredictFrames(OPTIONS, n_seen=6).apply(videos)
    with pytest.raises(StageError, match="for a validation of 0.01, got 20"):
        gp.PredictFrames(OPTIONS, n_seen=3, validation=0.01).apply(videos)
    with pytest.raises(StageError, match="at least 7 frames, got 6"):
        run["fitted"].ahead(2, 7).apply(videos)
    with pytest.raises(UsageError, match="as its training, got a dict"):
        gp.PredictFrames({}, n_seen=2, training={"epochs": 1})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="numbers of frames, from 1 on"):
        run["fitted"].ahead(0)
