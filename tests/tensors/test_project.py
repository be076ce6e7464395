from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from tests.tensors.examples import random_factors

FACTORS = random_factors((6, 7, 8), 3)
SLICES = np.random.default_rng(3).normal(size=(6, 7, 8))


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_rows_are_the_least_squares_ones(mode: int) -> None:
    basis = gt.khatri_rao(FACTORS, skip=mode)
    wanted = np.linalg.lstsq(basis, gt.unfold(SLICES, mode).T)[0].T
    assert np.allclose(gt.project(SLICES, (None, FACTORS), mode=mode), wanted)
    bounded = np.stack([nnls(basis, row)[0] for row in gt.unfold(SLICES, mode)])
    assert np.allclose(gt.project(SLICES, (None, FACTORS), mode=mode, non_negative=True), bounded, atol=1e-6)


def test_only_observed_cells_count() -> None:
    observed = np.random.default_rng(0).uniform(size=SLICES.shape) > 0.5
    basis = gt.khatri_rao(FACTORS, skip=0)
    found = gt.project(np.where(observed, SLICES, np.nan), (None, FACTORS), mask=observed)
    bounded = gt.project(np.where(observed, SLICES, np.nan), (None, FACTORS), mask=observed, non_negative=True)
    for row, above, values, kept in zip(found, bounded, SLICES.reshape(6, -1), observed.reshape(6, -1), strict=True):
        assert np.allclose(row, np.linalg.lstsq(basis[kept], values[kept])[0])
        assert np.allclose(above, nnls(basis[kept], values[kept])[0], atol=1e-6)


def test_other_slices_than_those_of_the_fit() -> None:
    assert gt.project(SLICES[:2], (None, FACTORS)).shape == (2, 3)
    assert gt.project(SLICES.astype(np.float32), (None, FACTORS)).dtype == np.float32
    with pytest.raises(UsageError, match=r"do not fit factors with \[7, 8\] rows in the other modes"):
        gt.project(SLICES[:, :3], (None, FACTORS))
