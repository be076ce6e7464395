"""When to stop asking: rules over a learning curve, each of which says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gpupipe.core.errors import UsageError, listing, nearest

KAPPA, STABLE_ROUNDS, SLOPE_ROUNDS = 0.99, 3, 3
Point = Mapping[str, Any]  # of a curve: ``cost``, ``metric``, ``kappa``, ``uncertainty``, ``best`` score, ``round``; None where not known


@dataclass(frozen=True)
class Rule:
    """One rule for stopping.

    Parameters
    ----------
    kind
        ``budget``, ``metric``, ``rounds``, ``stable``, ``slope``, ``uncertainty`` or ``score``.
    limit
        What it is held to.
    """

    kind: str
    limit: float

    def why(self, curve: Sequence[Point]) -> str | None:
        """Return why to stop after the last point of a curve; None to go on."""
        return _RULES[self.kind](curve, self.limit) if curve else None


def read_rule(text: str) -> Rule:
    """Return the rule that a text names.

    =================== =========================================================================================
    ``budget=N``        as much was spent
    ``metric=X``        the hold-out's metric has reached X
    ``rounds=N``        as many rounds were answered
    ``slope=X``         the metric gained less than X in all over the last 3 rounds
    ``stable``          predictions of successive models agree, kappa of .99 in each of 3 rounds (``stable=.95``)
    ``uncertainty=X``   the mean score of the questions of a round is below X
    ``score=X``         the best score of a round is below X
    =================== =========================================================================================

    Raises
    ------
    UsageError
        It names none.

    Source
    ------
    Bloodgood and Vijay-Shanker (2009), arXiv 1409.5165, for stabilized predictions.

    Examples
    --------
    >>> read_rule("metric=0.9").why([{"metric": 0.91}])
    'metric=0.9: 0.91 was reached'
    """
    kind, equals, number = text.partition("=")
    if kind not in _RULES:
        msg = f"Expected a rule for stopping such as budget=500, metric=0.9 or stable, got {text!r}.{nearest(kind, _RULES)}"
        raise UsageError(f"{msg} The rules are {listing(_RULES)}.")
    if not equals and kind == "stable":
        return Rule(kind, KAPPA)
    try:
        limit = float(number)
    except ValueError:
        limit = float("nan")
    positive = limit > 0 or (limit == 0 and kind == "metric")
    if limit != limit or (kind in ("budget", "rounds", "stable") and not positive):  # noqa: PLR0124  (NaN)
        raise UsageError(f"Expected {kind}=NUMBER, above 0, got {text!r}. Write it so: {kind}={KAPPA if kind == 'stable' else 10}")
    return Rule(kind, limit)


def _shown(kind: str, limit: float) -> str:
    return f"{kind}={limit:g}"


def _budget(curve: Sequence[Point], limit: float) -> str | None:
    return f"{_shown('budget', limit)}: {curve[-1]['cost']:g} was spent" if curve[-1]["cost"] >= limit else None


def _metric(curve: Sequence[Point], limit: float) -> str | None:
    value = curve[-1]["metric"]
    return f"{_shown('metric', limit)}: {value:.4g} was reached" if value is not None and value >= limit else None


def _rounds(curve: Sequence[Point], limit: float) -> str | None:
    answered = curve[-1]["round"]  # that many rounds were answered before this one was asked
    return f"{_shown('rounds', limit)}: {answered} were answered" if answered >= limit else None


def _slope(curve: Sequence[Point], limit: float) -> str | None:
    values = [point["metric"] for point in curve if point["metric"] is not None]
    if len(values) <= SLOPE_ROUNDS:
        return None
    gain = values[-1] - values[-1 - SLOPE_ROUNDS]
    return f"{_shown('slope', limit)}: {gain:.4g} was gained in {SLOPE_ROUNDS} rounds" if gain < limit else None


def _stable(curve: Sequence[Point], limit: float) -> str | None:
    last = [point.get("kappa") for point in curve[-STABLE_ROUNDS:]]
    known = [value for value in last if value is not None]
    if len(known) < STABLE_ROUNDS or min(known) < limit:
        return None
    return f"{_shown('stable', limit)}: predictions agreed by a kappa of {min(known):.4g} or more in {STABLE_ROUNDS} rounds"


def _uncertainty(curve: Sequence[Point], limit: float) -> str | None:
    value = curve[-1].get("uncertainty")
    return f"{_shown('uncertainty', limit)}: the mean score was {value:.4g}" if value is not None and value < limit else None


def _score(curve: Sequence[Point], limit: float) -> str | None:
    value = curve[-1].get("best")
    return f"{_shown('score', limit)}: the best score was {value:.4g}" if value is not None and value < limit else None


_RULES: Mapping[str, Callable[[Sequence[Point], float], str | None]] = {
    "budget": _budget,
    "metric": _metric,
    "rounds": _rounds,
    "slope": _slope,
    "stable": _stable,
    "uncertainty": _uncertainty,
    "score": _score,
}
