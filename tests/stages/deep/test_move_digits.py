"""Videos of digits in a pipeline."""

from typing import Any

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from sklearn.datasets import load_digits  # noqa: E402

import gpupipe as gp  # noqa: E402
from gpupipe.core.errors import PlanError, StageError, UsageError  # noqa: E402
from gpupipe.deep.moving_digits import MovingDigits, parts_of  # noqa: E402
from gpupipe.testing.tasks import check_task  # noqa: E402

N = 40
PIXELS = load_digits().images[:N] / 16
CELLS = pl.DataFrame(
    {
        "image": np.repeat(np.arange(N), 64),
        "row": np.tile(np.repeat(np.arange(8), 8), N),
        "column": np.tile(np.arange(8), 8 * N),
        "ink": PIXELS.ravel(),
    }
)


def images(cells: Any) -> Any:
    return gp.ToTensor(["image", "row", "column"], "ink")(cells)


def test_law() -> None:
    made = check_task(lambda cells: gp.MoveDigits(5, size=12, n_frames=4, seed=3)(images(cells)), CELLS)
    (clips,) = MovingDigits(PIXELS, 5, 12, 2, 4, 3)[range(5)]
    assert np.array_equal(made.values, clips.permute(0, 1, 3, 4, 2).numpy())
    assert made.dims == ("sequence", "time", "height", "width", "channel") and made.labels[1]["time"].to_list() == [0, 1, 2, 3]


def test_parts_take_their_own_images() -> None:
    tensor = gp.ToTensor(["image", "row", "column"], "ink").apply(CELLS)
    made = gp.MoveDigits(30, size=8, n_digits=1, n_frames=1, part="validation").apply(tensor).values[:, 0, :, :, 0]
    own = PIXELS[parts_of(N)[1]]
    assert all((np.abs(own - image).max((1, 2)) < 1e-6).any() for image in made)


def test_what_does_not_fit_is_told() -> None:
    tensor = gp.ToTensor(["image", "row", "column"], "ink").apply(CELLS)
    with pytest.raises(UsageError, match="'all', 'train', 'validation', 'test', got 'tests'"):
        gp.MoveDigits(5, part="tests")
    with pytest.raises(UsageError, match="at least 1, got 0"):
        gp.MoveDigits(0)
    with pytest.raises(PlanError, match="a dense tensor of images, rows and columns, got one of 'image', 'row'"):
        gp.MoveDigits(5).apply(gp.ToTensor(["image", "row"], "ink", duplicates="sum").apply(CELLS))
    with pytest.raises(StageError, match="images for the part 'test', got 2 in all"):
        gp.MoveDigits(5, size=8, part="test").apply(gp.ToTensor(["image", "row", "column"], "ink").apply(CELLS[:128]))
    with pytest.raises(UsageError, match="at most 6 a side"):
        gp.MoveDigits(5, size=6).apply(tensor)
