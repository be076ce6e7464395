"""Pictures as text, read back chunk by chunk by the rules of the format."""

import base64
import struct
import zlib

import numpy as np
import pytest

from gpupipe.core.errors import UsageError
from gpupipe.kernels.png import is_png_text, png_text


def chunks(text: str) -> dict[bytes, bytes]:
    """Return a file's chunks, having compared their checksums."""
    held, at, found = base64.b64decode(text), 8, {}
    while at < len(held):
        (length,), kind = struct.unpack(">I", held[at : at + 4]), held[at + 4 : at + 8]
        body = held[at + 8 : at + 8 + length]
        assert struct.unpack(">I", held[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        found[kind], at = body, at + 12 + length
    return found


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 1), (3, 5, 3), (1, 1)], ids=str)
def test_pixels_are_read_back(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).uniform(-0.2, 1.2, shape)
    found = chunks(png_text(pixels))
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", found[b"IHDR"])
    channels = {0: 1, 2: 3}[colour]
    assert (height, width, depth) == (*shape[:2], 8) and channels == (shape[2] if len(shape) == 3 else 1)
    lines = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    expected = np.rint(pixels.clip(0, 1) * 255).reshape(height, -1)
    assert (lines[:, 1:] == expected).all() and list(found) == [b"IHDR", b"IDAT", b"IEND"]


@pytest.mark.parametrize("shape", [(3,), (3, 5, 2), (0, 5), (2, 2, 2, 2)], ids=str)
def test_other_shapes_are_told(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="A picture is"):
        png_text(np.zeros(shape))


@pytest.mark.parametrize("text", ["", "abc", "iVBORw0KGgo=\n<b>", "aGVsbG8=", 7, b"iVBORw0KGgo="])
def test_what_is_no_picture(text: object) -> None:
    assert not is_png_text(text)
