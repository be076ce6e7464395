from __future__ import annotations

import numpy as np
import tensorly as tl

import gpupipe.tensors as gt

RNG = np.random.default_rng(0)
CORE, FACTORS = RNG.normal(size=(2, 3, 2)), [RNG.normal(size=(size, width)) for size, width in ((4, 2), (3, 3), (5, 2))]


def test_as_tensorly() -> None:
    assert np.allclose(gt.tucker_to_tensor((CORE, FACTORS)), tl.tucker_to_tensor((CORE, FACTORS)))


def test_the_canonical_form() -> None:
    found = gt.tucker_canonical((CORE, FACTORS))
    assert np.allclose(found.to_tensor(), tl.tucker_to_tensor((CORE, FACTORS)))
    for factor in found.factors:
        assert np.all(factor[np.abs(factor).argmax(axis=0), range(factor.shape[1])] > 0)
    assert (found.shape, found.rank) == ((4, 3, 5), (2, 3, 2))
