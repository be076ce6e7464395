"""Pictures of arrays as text: PNG in base64, as a page holds it."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib

import numpy as np

from gpupipe.core.errors import UsageError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {1: 0, 3: 2}  # PNG's number of a kind of picture, by channels: grey, and red, green and blue


def png_text(pixels: np.ndarray) -> str:
    """Return a picture as PNG in base64.

    Parameters
    ----------
    pixels
        An array (height, width), or (height, width, channels) with one or three channels, from 0 (black) to 1; what is beyond is cut off.

    Raises
    ------
    UsageError
        It has another shape.

    Notes
    -----
    The format: W3C, Portable Network Graphics, third edition. Eight bits a channel, no filter, one compressed run.

    Examples
    --------
    >>> png_text(np.zeros((2, 2)))[:16]
    'iVBORw0KGgoAAAAN'
    """
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.shape[2] not in _COLOURS or 0 in pixels.shape:
        raise UsageError(f"A picture is (height, width) or (height, width, 1 or 3 channels), got {pixels.shape}.")
    height, width, channels = pixels.shape
    levels = np.rint(np.nan_to_num(pixels).clip(0, 1) * 255).astype(np.uint8).reshape(height, width * channels)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), levels], axis=1)  # each line begins with the number of its filter
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return base64.b64encode(_SIGNATURE + b"".join(_chunk(kind, held) for kind, held in chunks)).decode("ascii")


def _chunk(kind: bytes, held: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))


def is_png_text(text: object) -> bool:
    """Whether it is a PNG in base64, and nothing but that.

    Examples
    --------
    >>> is_png_text(png_text(np.zeros((2, 2)))), is_png_text('x" onerror="alert(1)'), is_png_text(None)
    (True, False, False)
    """
    if not isinstance(text, str):
        return False
    try:
        return base64.b64decode(text, validate=True).startswith(_SIGNATURE)
    except (binascii.Error, ValueError):
        return False
