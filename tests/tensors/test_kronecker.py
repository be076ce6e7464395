from __future__ import annotations

import numpy as np
import pytest
from tensorly.tenalg import kronecker as theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError


def test_as_tensorly() -> None:
    rng = np.random.default_rng(0)
    matrices = [rng.normal(size=shape) for shape in ((2, 3), (4, 1), (2, 2))]
    assert np.allclose(gt.kronecker(matrices), theirs(matrices))
    assert np.allclose(gt.kronecker(matrices, skip=0), np.kron(matrices[1], matrices[2]))


def test_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match=r"expected matrices, got shapes \[\(2,\)\]"):
        gt.kronecker([np.ones(2)])
