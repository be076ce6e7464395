"""A file that a thread of its own writes: whole, in order, and with the disk's errors told where they can be."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from gpupipe.engines._write_behind import WriteBehind

PIECES = [np.random.default_rng(number).bytes(number * 997 % 5000) for number in range(500)]


@pytest.mark.parametrize("most", [1, 10_000, 1 << 30])
def test_bytes_arrive_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr("gpupipe.engines._write_behind.MOST_WAITING", most)
    with WriteBehind(tmp_path / "a") as file:
        for piece in PIECES:
            reused = bytearray(piece)
            file.write(memoryview(reused))
            reused[:] = bytes(len(reused))  # as libcudf does with its buffers
        assert file.tell() == sum(map(len, PIECES))
    assert (tmp_path / "a").read_bytes() == b"".join(PIECES)
    assert not writers()


def writers() -> list[str]:
    """Return the threads that are still writing."""
    return [thread.name for thread in threading.enumerate() if thread.name == "gpupipe-write-behind"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_at_the_end_and_never_where_libcudf_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.engines._write_behind.MOST_WAITING", 1)
    file = WriteBehind("/dev/full")
    assert [file.write(piece) for piece in PIECES] == [len(piece) for piece in PIECES]
    with pytest.raises(OSError, match="No space left"):
        file.__exit__(None, None, None)
    with pytest.raises(OSError, match="No space left"):
        file.check()
    assert not writers()


def test_what_fails_meanwhile_is_not_hidden_and_leaves_no_thread(tmp_path: Path) -> None:
    def fails() -> None:
        with WriteBehind(tmp_path / "a") as file:
            file.write(b"x")
            raise RuntimeError("CUDA")

    with pytest.raises(RuntimeError, match="CUDA"):
        fails()
    assert not writers()
