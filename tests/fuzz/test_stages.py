"""Random stages by key and time give what DuckDB's SQL gives, and fitted ones what scikit-learn does, on engines cpu and pandas."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.fuzz import stage_search
from tests.fuzz.key_stages import MAKERS, random_key_case
from tests.fuzz.stage_search import StageSearch

N_KEYED, N_FITTED = 36, 16  # two of each kind, and one


def test_by_key_and_time() -> None:
    search = StageSearch().by_key(range(N_KEYED))
    assert not search.kinds and not search.refused, search.told()
    made = {type(random_key_case(seed).stage).__name__ for seed in range(N_KEYED)}
    assert made >= {
        "Diff",
        "CumSum",
        "Rank",
        "Rolling",
        "Sessionize",
        "AsofJoin",
        "IntervalJoin",
        "Resample",
        "Pivot",
        "Unpivot",
        "Explode",
    }


def test_fitted() -> None:
    search = StageSearch().fitted(range(N_FITTED))
    assert not search.kinds and not search.refused, search.told()


def test_a_wrong_answer_is_found_and_told_by_the_smallest_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = next(
        seed for seed in range(2, 1000, len(MAKERS)) if "_cum_sum" in (case := random_key_case(seed)).query and len(case.tables[0]) > 8
    )
    case = random_key_case(seed)
    wrong = replace(case, query=case.query.replace("sum(", "1 + sum("))  # as if the engine were wrong
    monkeypatch.setattr(stage_search, "random_key_case", lambda _: wrong)
    search = StageSearch(("cpu",)).by_key([0])
    assert list(search.kinds) == ["cpu: CumSum: rows differ in #: got #, expected #"]
    (left,) = {len(held.split(",")) for held in re.findall(r"'[xy]': \[([^\]]*)\]", search.examples[0])}
    assert left == 1 < len(case.tables[0])
