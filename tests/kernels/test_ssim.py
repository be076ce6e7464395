"""Structural similarity against scikit-image's numbers, and against its formulation with SciPy's filter."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from gpupipe.core.errors import UsageError
from gpupipe.kernels.ssim import ssim


def two() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:12, :16]
    return np.abs(np.sin(y / 3 + x / 5)), np.abs(np.cos(y / 4 * x / 6))


@pytest.mark.parametrize(
    ("window", "data_range", "shade", "theirs"),
    [  # skimage.metrics.structural_similarity(one, shade * other, win_size=window, data_range=data_range), scikit-image 0.26.0
        (7, 1.0, 1.0, 0.738370134002339),
        (11, 1.0, 1.0, 0.6220697952565604),
        (7, 2.0, 0.5, 0.47618133321385964),
        (11, 2.0, 0.5, 0.4094561475501697),
    ],
)
def test_it_is_scikit_image_s(window: int, data_range: float, shade: float, theirs: float) -> None:
    one, other = two()
    assert ssim(np, one, shade * other, window=window, data_range=data_range) == pytest.approx(theirs, abs=1e-13)


def by_scipy(one: np.ndarray, other: np.ndarray, window: int) -> float:
    n = window**2 / (window**2 - 1)
    means = [uniform_filter(values, size=window) for values in (one, other, one * one, other * other, one * other)]
    spread = [n * (means[2] - means[0] ** 2), n * (means[3] - means[1] ** 2), n * (means[4] - means[0] * means[1])]
    made = (2 * means[0] * means[1] + 0.01**2) * (2 * spread[2] + 0.03**2)
    made /= (means[0] ** 2 + means[1] ** 2 + 0.01**2) * (spread[0] + spread[1] + 0.03**2)
    reach = window // 2
    return float(made[reach:-reach, reach:-reach].mean())


@pytest.mark.parametrize("window", [3, 7, 11])
def test_many_images_at_once(window: int) -> None:
    rng = np.random.default_rng(0)
    images, others = rng.uniform(size=(2, 3, 11, 14)), rng.uniform(size=(2, 3, 11, 14))
    found = ssim(np, images, others, window=window)
    expected = [[by_scipy(one, other, window) for one, other in zip(*pair, strict=True)] for pair in zip(images, others, strict=True)]
    assert found.shape == (2, 3) and np.allclose(found, expected, atol=1e-12)


def test_single_precision_is_computed_in_double() -> None:
    one, other = (image.astype(np.float32) for image in two())
    assert ssim(np, one, other).dtype == np.float64 and ssim(np, one, one) == 1.0


def test_black_images_are_equal() -> None:
    assert ssim(np, np.zeros((9, 9)), np.zeros((9, 9))) == 1.0


@pytest.mark.parametrize(
    ("shape", "other", "window", "message"),
    [((9, 9), (9, 8), 7, "of one shape"), ((9,), (9,), 7, "of one shape"), ((6, 9), (6, 9), 7, "odd window"), ((9, 9), (9, 9), 4, "odd")],
)
def test_what_does_not_fit_is_told(shape: tuple[int, ...], other: tuple[int, ...], window: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ssim(np, np.zeros(shape), np.zeros(other), window=window)
