from __future__ import annotations

import numpy as np
import pytest
from tensorly.tenalg import khatri_rao as theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.tensors.khatri_rao import khatri_rao_rows
from tests.tensors.examples import random_factors


def test_as_tensorly() -> None:
    factors = random_factors((2, 3, 4), 5)
    assert np.allclose(gt.khatri_rao(factors), theirs(factors))
    assert np.allclose(gt.khatri_rao(factors, skip=1), theirs(factors, skip_matrix=1))
    assert np.allclose(khatri_rao_rows([factor.T for factor in factors]), theirs(factors).T)


def test_one_matrix_is_copied() -> None:
    (factor,) = random_factors((3,), 2)
    product = gt.khatri_rao([factor])
    product[:] = 0
    assert factor.any()


def test_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match=r"equal numbers of columns, got shapes \[\(2, 1\), \(2, 3\)\]"):
        gt.khatri_rao([np.ones((2, 1)), np.ones((2, 3))])
