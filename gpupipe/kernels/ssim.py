"""Structural similarity of images."""

from __future__ import annotations

from typing import Any

from gpupipe.core.errors import UsageError


def ssim(xp: Any, images: Any, others: Any, *, window: int = 7, data_range: float = 1.0) -> Any:
    """Return the mean structural similarity of pairs of images, an array (...) of float64: 1 where they are equal, less where they differ.

    Parameters
    ----------
    xp
        NumPy or CuPy.
    images, others
        Arrays (..., height, width).
    window
        The side of the square that means, variances and covariances are taken over, every value of it with the same weight; odd. Places
        whose square is not wholly inside the image do not count.
    data_range
        The largest value that a pixel can have less the smallest.

    Raises
    ------
    UsageError
        The images have different shapes or are smaller than the window, or that is even.

    Notes
    -----
    Source: Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13 (2004), with K1 = 0.01, K2 = 0.03 and sample covariances, as
    ``skimage.metrics.structural_similarity`` by default.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(64.0).reshape(8, 8) / 63
    >>> ssim(np, image, image).tolist(), ssim(np, image, 1 - image).round(3).tolist()
    (1.0, -0.955)
    """
    if images.shape != others.shape or images.ndim < 2:
        raise UsageError(f"ssim expects two arrays (..., height, width) of one shape, got {images.shape} and {others.shape}.")
    if window % 2 == 0 or window < 3 or min(images.shape[-2:]) < window:
        raise UsageError(f"ssim expects an odd window from 3 to the size of the images, got {window} for {images.shape[-2:]}.")
    one, other = images.astype(xp.float64), others.astype(xp.float64)
    n = window**2

    def mean(values: Any) -> Any:
        """Return the means over all windows that lie inside."""
        for axis in (-1, -2):
            values = xp.moveaxis(values, axis, -1)
            sums = xp.concatenate([xp.zeros_like(values[..., :1]), xp.cumsum(values, axis=-1)], axis=-1)
            values = xp.moveaxis(sums[..., window:] - sums[..., :-window], -1, axis)
        return values / n

    mean_one, mean_other = mean(one), mean(other)
    spread = (mean(one * one) - mean_one**2 + mean(other * other) - mean_other**2) * n / (n - 1)
    together = (mean(one * other) - mean_one * mean_other) * n / (n - 1)
    first, second = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    alike = (2 * mean_one * mean_other + first) * (2 * together + second)
    return (alike / ((mean_one**2 + mean_other**2 + first) * (spread + second))).mean(axis=(-2, -1))
