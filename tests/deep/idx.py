"""Reads the format that MNIST's files have."""

import gzip
from pathlib import Path

import numpy as np


def read_idx(path: Path) -> np.ndarray:
    """Return the array of bytes in a file of LeCun's IDX format."""
    held = gzip.decompress(path.read_bytes())
    n_dims = held[3]
    shape = np.frombuffer(held, ">i4", n_dims, 4)
    return np.frombuffer(held, np.uint8, offset=4 + 4 * n_dims).reshape(shape)
