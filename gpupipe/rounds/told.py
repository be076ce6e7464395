"""What the report of rounds tells beside the curves: why each arm stopped, what was asked, and how well it was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def cards_of(courses: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the cards of some arms.

    Examples
    --------
    >>> point = {"round": 1, "cost": 9.0, "answers": 9, "examples": 9, "exact": 9, "metric": 0.5, "asked": 5, "seconds": 0.1}
    >>> cards = cards_of([{"strategy": "margin", "seed": 0, "curve": [point], "stopped": "budget=9: 9 was spent"}])
    >>> cards[0]["parts"][0]["rows"]
    [['margin', 0, 1, 9, 9, 9, 9, 0, 0, 0.5, 'budget=9: 9 was spent']]
    """
    names = [
        "strategy",
        "seed",
        "rounds",
        "cost",
        "answers",
        "examples touched",
        "labels known",
        "undecided",
        "conflicts",
        "metric",
        "why it stopped",
    ]
    rows = [[one["strategy"], one["seed"], *_last(one["curve"][-1]), one["stopped"]] for one in courses if one["curve"]]
    asked = ["strategy", "seed", "round", "cost before", "asked", "seconds"]
    each = [
        [one["strategy"], one["seed"], point["round"], _whole(point["cost"]), point["asked"], point["seconds"]]
        for one in courses
        for point in one["curve"]
    ]
    return [
        {"title": "Why each arm stopped", "parts": [{"kind": "table", "title": "", "columns": names, "rows": rows}]},
        {"title": "What was asked", "parts": [{"kind": "table", "title": "", "columns": asked, "rows": each}]},
    ]


def _last(point: Mapping[str, Any]) -> list[Any]:
    """Return what the last point of a curve says."""
    metric = None if point["metric"] is None else round(point["metric"], 4)
    return [
        point["round"],
        _whole(point["cost"]),
        point["answers"],
        point["examples"],
        point["exact"],
        point.get("unresolved", 0),
        point.get("conflicts", 0),
        metric,
    ]


def _whole(cost: float) -> float:
    """Return a cost as a whole number where it is one: questions and words are."""
    return int(cost) if cost == int(cost) else cost
