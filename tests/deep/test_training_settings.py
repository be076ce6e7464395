"""Settings of trainings are tested with what trains by them, in test_training.py; here, what they say of a device."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.deep.training_settings import OPTIMIZERS, SCHEDULES, Training  # noqa: E402


def test_devices() -> None:
    assert Training(device="cpu").on_device() == torch.device("cpu")
    assert Training().on_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_torch_has_what_is_named() -> None:
    assert all(hasattr(torch.optim, name) for name in OPTIMIZERS)
    assert all(hasattr(torch.optim.lr_scheduler, name) for name in SCHEDULES.values())
