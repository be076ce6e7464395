"""Where communities stand in a drawing: linked ones near each other, none on top of another, always in the same places."""

from __future__ import annotations

from typing import Any

import numpy as np

STEPS = 400
GAP = 0.12  # between discs, as a share of the mean radius


def placed(sizes: Any, weights: Any) -> tuple[Any, Any]:
    """Return the centres [n, 2] and the radii [n] of discs whose areas are as their sizes.

    The layout starts from the eigenvectors of the links' Laplacian and goes on by springs: links pull, discs push each other away. Nothing
    in it is random.

    Parameters
    ----------
    sizes
        [n], above 0.
    weights
        [n, n] symmetric, of links; the diagonal does not count.

    Source
    ------
    Fruchterman, Reingold, "Graph drawing by force-directed placement", Software: Practice and Experience 21 (1991); Hall, "An
    r-dimensional quadratic placement algorithm", Management Science 17 (1970), for the start.

    Examples
    --------
    >>> centres, radii = placed(np.array([9.0, 4.0, 1.0]), np.array([[0, 5, 0], [5, 0, 1], [0, 1, 0.0]]))
    >>> radii.round(2).tolist()
    [1.0, 0.67, 0.33]
    >>> bool(np.linalg.norm(centres[0] - centres[1]) >= radii[0] + radii[1])
    True
    """
    n = len(sizes)
    radii = np.sqrt(sizes / sizes.max())
    if n == 1:
        return np.zeros((1, 2)), radii
    links = weights * (1 - np.eye(n))
    links = np.sqrt(links / links.max()) if links.max() > 0 else links
    room = 2.2 * np.sqrt((radii**2).sum())
    at = _start(links, n) * room
    together = radii[:, None] + radii[None, :] + GAP * radii.mean()
    for step in range(STEPS):
        apart = at[:, None] - at[None, :]
        far = np.sqrt((apart**2).sum(axis=2)) + np.eye(n)
        outside = np.maximum(far - together, 0.05)
        push = np.minimum(0.35 * together**2 / outside / far, 20.0) * (1 - np.eye(n))
        pull = links * np.maximum(far - together, 0.0) * 0.6 + 0.01 * far
        force = ((push - pull) / far)[:, :, None] * apart
        move = force.sum(axis=1)
        length = np.sqrt((move**2).sum(axis=1, keepdims=True)) + 1e-12
        at = at + move / length * np.minimum(length, 0.15 * room * (1 - step / STEPS) + 1e-3)
    return _parted(at - at.mean(axis=0), together), radii


def _start(links: Any, n: int) -> Any:
    """Return the places that the eigenvectors of the Laplacian give, spread out; on a circle where links tell nothing apart."""
    turn = 2 * np.pi * np.arange(n) / n
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    if n < 4 or not links.any():
        return 0.6 * circle
    degree = links.sum(axis=1)
    _, vectors = np.linalg.eigh(np.diag(degree) - links + 1e-9 * np.diag(np.arange(n)))
    found = vectors[:, 1:3]
    found = found * np.sign(found[np.abs(found).argmax(axis=0), range(2)])  # an eigenvector has no sign of its own
    ranks = np.argsort(np.argsort(found, axis=0, kind="stable"), axis=0)
    return 0.5 * (2 * ranks / (n - 1) - 1) + 0.1 * circle


def _parted(at: Any, together: Any) -> Any:
    """Return places from which discs that lie on one another were pushed apart."""
    for _ in range(300):
        apart = at[:, None] - at[None, :]
        far = np.sqrt((apart**2).sum(axis=2)) + 1e3 * np.eye(len(at))
        lacking = np.maximum(together - far, 0.0)
        if lacking.max() < 1e-9:
            break
        at = at + 0.55 * ((lacking / far)[:, :, None] * apart).sum(axis=1)
    return at
