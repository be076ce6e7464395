from __future__ import annotations

import numpy as np
import pytest
import tensorly as tl

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (2, 1, 3, 2)])
def test_as_tensorly(shape: tuple[int, ...]) -> None:
    tensor = np.random.default_rng(0).normal(size=shape)
    for mode in range(-1, len(shape)):
        unfolded = gt.unfold(tensor, mode)
        assert np.array_equal(unfolded, tl.unfold(tensor, mode % len(shape)))
        assert np.array_equal(gt.fold(unfolded, mode, shape), tensor)


def test_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match=r"no mode 3: the tensor has modes 0 to 2 \(shape \(2, 3, 4\)\)"):
        gt.unfold(np.zeros((2, 3, 4)), 3)
    with pytest.raises(UsageError, match=r"shape \(3, 9\) is not the unfolding along mode 1"):
        gt.fold(np.zeros((3, 9)), 1, (2, 3, 4))
    with pytest.raises(UsageError, match="Expected an array of NumPy or CuPy, got list"):
        gt.unfold([[1.0]], 0)
