"""Slices in terms of a Tucker decomposition, against NumPy's least squares."""

from __future__ import annotations

import numpy as np
import pytest

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError

RNG = np.random.default_rng(3)
CORE, FACTORS = RNG.normal(size=(2, 3, 2)), [RNG.normal(size=(size, rank)) for size, rank in ((6, 2), (7, 3), (8, 2))]
SLICES = RNG.normal(size=(6, 7, 8))


def basis(mode: int) -> np.ndarray:
    """Return what rows of a factor are multiplied by."""
    others = [place for place in range(3) if place != mode]
    wide = CORE
    for place in others:
        wide = np.moveaxis(np.tensordot(FACTORS[place], wide, (1, place)), 0, place)
    return np.moveaxis(wide, mode, 0).reshape(CORE.shape[mode], -1).T


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_rows_are_least_squares(mode: int) -> None:
    rows = np.moveaxis(SLICES, mode, 0).reshape(SLICES.shape[mode], -1)
    wanted = np.linalg.lstsq(basis(mode), rows.T)[0].T
    np.testing.assert_allclose(gt.tucker_project(SLICES, (CORE, FACTORS), mode=mode), wanted, rtol=1e-9)
    observed = RNG.uniform(size=SLICES.shape) > 0.4
    found = gt.tucker_project(np.where(observed, SLICES, np.nan), (CORE, FACTORS), mode=mode, mask=observed)
    for row, values, kept in zip(found, rows, np.moveaxis(observed, mode, 0).reshape(len(rows), -1), strict=True):
        np.testing.assert_allclose(row, np.linalg.lstsq(basis(mode)[kept], values[kept])[0], rtol=1e-9)


def test_dtype_and_sizes() -> None:
    assert gt.tucker_project(SLICES.astype(np.float32), (CORE, FACTORS)).dtype == np.float32
    with pytest.raises(UsageError, match=r"do not fit factors with \[7, 8\] rows in the other modes"):
        gt.tucker_project(SLICES[:, :3], (CORE, FACTORS))
    with pytest.raises(UsageError, match="NaN"):
        gt.tucker_project(np.full(SLICES.shape, np.nan), (CORE, FACTORS))
