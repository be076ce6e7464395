"""Moving digits: trajectories worked out by hand, walls, and videos that depend on seed and number alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from gpupipe.core.errors import UsageError
from gpupipe.deep.moving_digits import MovingDigits, _mixed, bounced, parts_of
from tests.deep.idx import read_idx

MNIST = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"


def digits_of(n_digits: int = 1, **options: int) -> MovingDigits:
    images = load_digits().images / 16
    return MovingDigits(images, **{"n_sequences": 50, "size": 16, "n_frames": 30, **options}, n_digits=n_digits)


def test_a_known_trajectory() -> None:
    # by hand: moved, then put onto the wall and turned round
    path = bounced(np.array([0.25, 0.9]), np.array([-1.0, 0.5]), 6)
    assert path.round(12).tolist() == [[0.15, 0.05, 0.0, 0.1, 0.2, 0.3], [0.95, 1.0, 0.95, 0.9, 0.85, 0.8]]


def test_a_digit_that_stands_on_a_wall_leaves_it() -> None:
    assert bounced(np.array([0.1]), np.array([-1.0]), 3).round(12).tolist() == [[0.0, 0.1, 0.2]]


def test_whole_digits_are_in_every_frame() -> None:
    digits = digits_of()
    (clips,) = digits[torch.arange(50)]
    which, _, _ = digits.places(np.arange(50))
    whole = digits.images.sum((1, 2))[torch.from_numpy(which[:, 0])]
    assert torch.allclose(clips.sum((2, 3, 4)), whole[:, None].expand(50, 30))
    assert float(clips.min()) == 0 and float(clips.max()) == 1


def test_digits_are_where_their_places_say() -> None:
    digits = digits_of(2)
    (clips,) = digits[torch.tensor([7])]
    which, top, left = digits.places(np.array([7]))
    for frame in range(30):
        drawn = torch.zeros(16, 16)
        for digit in range(2):
            at = np.s_[top[0, digit, frame] :, left[0, digit, frame] :]
            seen = drawn[at][:8, :8]
            seen[:] = torch.maximum(seen, digits.images[which[0, digit]])
        assert torch.equal(clips[0, frame, 0], drawn)


def test_both_walls_of_both_directions_are_met() -> None:
    _, top, left = digits_of(n_frames=60).places(np.arange(50))
    assert top.min() == left.min() == 0 and top.max() == left.max() == 8


def test_a_video_follows_from_seed_and_number_alone() -> None:
    digits = digits_of(2)
    (clips,) = digits[torch.arange(50)]
    (some,) = digits[torch.tensor([31, 4])]
    assert torch.equal(some, clips[[31, 4]]) and torch.equal(digits_of(2, n_sequences=1000)[torch.tensor([31])][0], clips[[31]])
    assert not torch.equal(digits_of(2, seed=1)[torch.tensor([31])][0], clips[[31]])
    assert len({clip.numpy().tobytes() for clip in clips}) == 50


def test_epochs_have_other_videos_where_they_are_fresh() -> None:
    digits, fresh = digits_of(), digits_of(fresh=True)
    numbers = torch.arange(3)
    assert torch.equal(digits.of_epoch(1)[numbers][0], digits[numbers][0])
    assert not torch.equal(fresh.of_epoch(1)[numbers][0], fresh.of_epoch(0)[numbers][0])
    assert torch.equal(fresh.of_epoch(1)[numbers][0], fresh.of_epoch(1)[numbers][0])


def test_chance_is_splitmix64() -> None:
    # the first outputs for the state 0, as every implementation has them (Vigna, splitmix64.c)
    step = np.uint64(0x9E3779B97F4A7C15)
    states = np.array([0, step], dtype=np.uint64)
    assert _mixed(states).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_starts_and_directions_are_even() -> None:
    digits = digits_of(n_sequences=20_000, n_frames=1)
    which, top, left = digits.places(np.arange(20_000))
    assert np.bincount(which[:, 0], minlength=1797).max() < 40
    counts = np.bincount(8 * top.ravel() + left.ravel(), minlength=64)[np.arange(64).reshape(8, 8)[2:6, 2:6]]  # away from the walls
    assert abs(counts / 20_000 - 1 / 64).max() < 0.004


def test_parts_share_no_image() -> None:
    train, validation, test = parts_of(1797)
    assert len(train) + len(validation) + len(test) == len({*train, *validation, *test}) == 1797
    with pytest.raises(UsageError, match="add up to 1"):
        parts_of(10, (0.5, 0.4))


@pytest.mark.skipif(not MNIST.exists(), reason="the digits of ../shared/data/mnist are not here")
def test_moving_mnist() -> None:
    images = read_idx(MNIST / "images-idx3-ubyte.gz") / 255
    digits = MovingDigits(images, n_sequences=10_000)
    (clips,) = digits[torch.tensor([0, 9_999])]
    assert clips.shape == (2, 20, 1, 64, 64) and 0.02 < float(clips.mean()) < 0.12


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(UsageError, match="at most 6 a side"):
        digits_of(size=6)
    with pytest.raises(UsageError, match="videos 0 to 49, asked for 50 to 50"):
        digits_of()[torch.tensor([50])]
    with pytest.raises(UsageError, match="at least 1"):
        digits_of(n_frames=0)
