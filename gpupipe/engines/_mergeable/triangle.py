"""The triangle of a table: all that least squares, principal components and singular values need to know of its rows.

Of a table A, centred and with each row times the root of its weight, the QR decomposition leaves R, with as many rows as columns, and
R'R = A'A. Any problem that depends on A through inner products of its columns has the same solution on R: the rows may be millions. Unlike
A'A itself, R keeps the small singular values: those of A'A are squared, and what is below 1e-8 of the largest is lost in rounding. The
means are kept apart, so that a large mean takes no digits from the variation about it.

Sources: Demmel, Grigori, Hoemmen, Langou, "Communication-optimal parallel and sequential QR and LU factorizations", SIAM J. Sci. Comput.
34 (2012), the tree of QRs; Chan, Golub, LeVeque, "Algorithms for computing the sample variance", Am. Stat. 37 (1983), the means.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpupipe.engines._mergeable.checks import chunks
from gpupipe.engines._mergeable.contract import Array, Part


def triangle_of(rows: Array, weight: Array, last: Array | None = None) -> Part:
    """Return the triangle of some rows: how many, their weight, the weighted means, and R.

    Parameters
    ----------
    last
        One more column.

    Examples
    --------
    >>> part = triangle_of(np.array([[1.0], [3.0]]), np.ones(2))
    >>> int(part["n_rows"]), float(part["mean"][0]), round(abs(float(part["triangle"][0, 0])) ** 2, 6)
    (2, 2.0, 2.0)
    """
    n_columns = rows.shape[1] + (last is not None)
    if last is None:
        parts = [_of_chunk(some, weights) for some, weights in chunks(rows, weight)]
    else:
        parts = [_of_chunk(np.column_stack([some, more]), weights) for some, more, weights in chunks(rows, last, weight)]
    return merge_triangles(parts) if parts else _part(0, 0.0, np.zeros(n_columns), np.zeros((n_columns, n_columns)))


def merge_triangles(parts: Sequence[Part]) -> Part:
    """Return the triangle of all parts' rows."""
    weight = np.array([float(part["weight"]) for part in parts])
    total = float(weight.sum())
    means = np.stack([part["mean"] for part in parts])
    mean = weight @ means / total if total > 0 else np.zeros(means.shape[1])
    between = np.sqrt(weight)[:, None] * (means - mean)
    stacked = np.vstack([*(part["triangle"] for part in parts), between])
    return _part(sum(int(part["n_rows"]) for part in parts), total, mean, _triangle(stacked))


def about_origin(part: Part) -> Array:
    """Return R of the rows as they are, not centred."""
    mean_row = np.sqrt(float(part["weight"])) * part["mean"]
    return _triangle(np.vstack([part["triangle"], mean_row]))


def _of_chunk(rows: Array, weight: Array) -> Part:
    """Return the triangle of some thousand rows."""
    total = float(weight.sum())
    mean = weight @ rows / total if total > 0 else np.zeros(rows.shape[1])
    centred = (rows - mean) * np.sqrt(weight)[:, None]
    return _part(len(rows), total, mean, _triangle(centred))


def _triangle(rows: Array) -> Array:
    """Return R, with rows of zeros below where there are fewer rows than columns."""
    upper = np.asarray(np.linalg.qr(rows, mode="r"))
    n_rows, n_columns = upper.shape
    return upper if n_rows == n_columns else np.vstack([upper, np.zeros((n_columns - n_rows, n_columns))])


def _part(n_rows: int, weight: float, mean: Array, triangle: Array) -> Part:
    """Return the four as a part."""
    return {"n_rows": np.int64(n_rows), "weight": np.float64(weight), "mean": mean, "triangle": triangle}
