"""Power and softmax acquisition: hashed noise on scores, so that the best rows are not all alike."""

from __future__ import annotations

from typing import Any, Literal

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError


def power(scores: Any, hashes: Any, *, beta: float = 1.0, kind: Literal["power", "softmax"] = "power") -> Any:
    """Return scores with Gumbel noise made of hashes, as float64 [n_rows]: the n largest are a sample without replacement.

    ``power`` samples with probability in proportion to ``score ** beta`` (scores from 0 on; a score of 0 comes last), ``softmax`` to
    ``exp(beta * score)``.

    Parameters
    ----------
    hashes
        [n_rows] of uint64, a hash of each row's id, a seed and a round: noise of that is the same for any order of rows.
    beta
        How much scores count against chance; chance alone at 0.

    Raises
    ------
    UsageError
        `beta` is below 0, or a score below 0 for ``power``.

    Source
    ------
    Kirsch et al. (2021), arXiv 2106.12059, section 3 and table 1.

    Examples
    --------
    >>> import numpy as np
    >>> hashes = np.array([1 << 63, 1 << 62], np.uint64)
    >>> power(np.array([1.0, 1.0]), hashes).round(4).tolist()
    [0.3665, -0.3266]
    """
    xp = array_module(scores)
    if not beta >= 0 or kind not in ("power", "softmax"):
        raise UsageError(f"power expects beta from 0 on and kind 'power' or 'softmax', got beta={beta!r}, kind={kind!r}.")
    uniform = ((hashes >> xp.uint64(32)).astype(xp.float64) + 0.5) * 2.0**-32  # of the upper half of the bits; in (0, 1), no end of it
    noise = -xp.log(-xp.log(uniform))
    values = scores.astype(xp.float64)
    if kind == "softmax":
        return beta * values + noise
    if bool((values < 0).any()):
        raise UsageError("Power acquisition expects scores from 0 on, got some below. Use kind='softmax', or a score such as entropy.")
    with_zero = xp.log(xp.maximum(values, 1e-300))
    made = beta * with_zero + noise
    return xp.where(values > 0, made, -xp.inf) if beta > 0 else noise
