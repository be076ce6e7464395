"""Scores of frames against scikit-learn's errors and an image that is known."""

from typing import Any

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from sklearn.metrics import mean_squared_error  # noqa: E402

import gpupipe as gp  # noqa: E402
from gpupipe.core.errors import PlanError, StageError, UsageError  # noqa: E402
from gpupipe.kernels.ssim import ssim  # noqa: E402
from gpupipe.testing.tasks import check_task  # noqa: E402

DIMS = ["sequence", "time", "height", "width"]
SHAPE = (3, 5, 8, 9)
VIDEOS = np.random.default_rng(0).uniform(size=SHAPE)
MADE = np.random.default_rng(1).uniform(size=(3, 2, 8, 9))


def cells(values: Any) -> Any:
    places = np.indices(values.shape).reshape(values.ndim, -1)
    return pl.DataFrame(dict(zip(DIMS, places, strict=True)) | {"ink": values.ravel()})


def scored(videos: Any, made: Any, **options: Any) -> Any:
    tensors = [gp.ToTensor(DIMS, "ink")(table) for table in (videos, made)]
    return gp.ScoreFrames(["mine"], n_seen=3, dims=DIMS, **options)(*tensors)


@pytest.fixture(scope="module")
def scores() -> Any:
    return check_task(scored, cells(VIDEOS), cells(MADE)).to_polars()


def test_errors_are_scikit_learn_s(scores: Any) -> None:
    truth = VIDEOS[:, 3:]
    forecasts = {"mine": MADE, "zero frame": np.zeros_like(truth), "copy of the last frame": np.repeat(VIDEOS[:, 2:3], 2, axis=1)}
    assert scores["forecast"].unique(maintain_order=True).to_list() == list(forecasts)
    for name, frames in forecasts.items():
        rows = scores.filter(pl.col("forecast") == name)
        error = [mean_squared_error(truth[:, at].ravel(), frames[:, at].ravel()) for at in range(2)]
        assert rows["ahead"].to_list() == [1, 2]
        assert np.allclose(rows["mse_per_pixel_x1000"], np.array(error) * 1000) and np.allclose(rows["mse_per_frame"], np.array(error) * 72)


def test_likeness_is_the_mean_over_sequences(scores: Any) -> None:
    rows = scores.filter(pl.col("forecast") == "mine")
    expected = ssim(np, MADE.astype(np.float32), VIDEOS[:, 3:].astype(np.float32)).mean(0)
    assert np.allclose(rows["ssim"], expected, atol=1e-6)


def test_the_report_has_curves_and_pictures() -> None:
    videos, made = (gp.FromFrame(cells(values)).node() for values in (VIDEOS, MADE))
    result = gp.Pipeline("frames", made=scored(videos, made, n_pictures=2)).run("cpu")
    cards = {card["title"]: card["parts"] for card in result.report["cards"]}
    table, *curves = cards["Frames: errors"]
    assert [row[0] for row in table["rows"]] == ["mine", "zero frame", "copy of the last frame"]
    assert table["columns"][1:] == ["MSE per pixel x 1000", "MSE per frame (sum over pixels)", "SSIM (window 7, data range 1)"]
    assert [len(part["curves"]) for part in curves] == [3, 3, 3]
    pictures = cards["Frames: what came and what was predicted"]
    assert len(pictures) == 2 and [row[0] for row in pictures[0]["rows"]] == ["shown", "what came", "mine"]
    assert [sum(held is not None for held in row[1:]) for row in pictures[0]["rows"]] == [3, 2, 2]


def test_what_does_not_fit_is_told() -> None:
    videos, made = (gp.ToTensor(DIMS, "ink").apply(cells(values)) for values in (VIDEOS, MADE))
    score = gp.ScoreFrames(["mine"], n_seen=3, dims=DIMS)
    with pytest.raises(UsageError, match="a name for each prediction"):
        gp.ScoreFrames(["zero frame"], n_seen=3)
    with pytest.raises(UsageError, match="an odd window from 3 on, got 3, 3 and 4"):
        gp.ScoreFrames("mine", n_seen=3, window=4)
    with pytest.raises(UsageError, match="sequence, time, height, width"):
        gp.ScoreFrames("mine", n_seen=3, dims=DIMS[:3])
    with pytest.raises(PlanError, match="has 1 names and got 2 predictions"):
        score.apply(videos, made, made)
    with pytest.raises(StageError, match="shows 5 frames and compares those after them, got videos of 5"):
        gp.ScoreFrames(["mine"], n_seen=5, dims=DIMS).apply(videos, made)
    with pytest.raises(StageError, match="expects 2 frames of 3 sequences for 'mine', got 5 of 3"):
        score.apply(videos, videos)
    with pytest.raises(StageError, match="pixels from 0 .black. to 1, got .* to 255"):
        score.apply(gp.ToTensor(DIMS, "ink").apply(cells(255 * VIDEOS / VIDEOS.max())), made)
    with pytest.raises(UsageError, match="odd window from 3 to the size of the images, got 9"):
        gp.ScoreFrames(["mine"], n_seen=3, window=9, dims=DIMS).apply(videos, made)
