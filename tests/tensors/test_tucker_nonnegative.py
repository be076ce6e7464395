from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from tensorly.decomposition import non_negative_tucker_hals as theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from tests.tensors.examples import distance, random_factors


def tensor_of_parts() -> np.ndarray:
    core = np.random.default_rng(3).uniform(size=(2, 3, 2))
    tensor = gt.tucker_to_tensor(
        (core, [random_factors((size,), width, size, positive=True)[0] for size, width in ((12, 2), (13, 3), (14, 2))])
    )
    return tensor + 0.1 * np.abs(np.random.default_rng(4).normal(size=tensor.shape))


def test_as_good_as_tensorly() -> None:
    tensor = tensor_of_parts()
    found, errors = gt.non_negative_tucker_hals(tensor, (2, 3, 2), return_errors=True)
    their = theirs(tensor, [2, 3, 2], n_iter_max=60, tol=1e-7, return_errors=True)[1]
    assert errors[-1] <= float(their[-1]) * (1 + 1e-3)
    assert errors[-1] == pytest.approx(distance(tensor, found.to_tensor()), rel=1e-7)
    assert min(float(part.min()) for part in (found.core, *found.factors)) >= 0
    assert max(np.diff(errors)) < 1e-6
    assert errors[-1] >= gt.tucker(tensor, (2, 3, 2), return_errors=True)[1][-1]


def test_the_estimator() -> None:
    tensor = tensor_of_parts()
    model = clone(gt.NonNegativeTucker((2, 2, 2))).fit(tensor)
    assert model.errors_[-1] == pytest.approx(distance(tensor, model.reconstruct()), rel=1e-7)
    assert model.core_.shape == gt.NonNegativeTucker(2).fit_transform(tensor).rank == (2, 2, 2)


def test_no_sweep_is_no_fit() -> None:
    with pytest.raises(UsageError, match="n_iter_max must be at least 1"):
        gt.non_negative_tucker_hals(np.ones((2, 2)), 1, n_iter_max=0)
