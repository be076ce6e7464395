"""Objectives: what is learnt from is augmented, what is validated on is not."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import nn  # noqa: E402

from gpupipe.deep.history import History  # noqa: E402
from gpupipe.deep.training_objective import Moment, Supervised  # noqa: E402


def test_augmentation_is_of_training_alone() -> None:
    loss = Supervised(nn.functional.mse_loss, metrics={"mae": nn.functional.l1_loss}, augment=lambda x: x + 2)
    batch = (torch.zeros(3, 1), torch.zeros(3, 1))
    found, metrics = loss(nn.Identity(), batch, Moment(0, 1, 0, True, History()))
    assert found.item() == 4.0 and not metrics
    found, metrics = loss(nn.Identity(), batch, Moment(0, 1, 0, False, History()))
    assert found.item() == 0.0 and metrics["mae"].item() == 0.0


def test_two_inputs_are_augmented_together() -> None:
    class Sum(nn.Module):
        def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            return one + other

    loss = Supervised(nn.functional.mse_loss, augment=lambda one, other: (one * 0, other))
    found, _ = loss(Sum(), (torch.ones(2), torch.ones(2), torch.ones(2)), Moment(0, 1, 0, True, History()))
    assert found.item() == 0.0
