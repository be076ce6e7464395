"""Random pipelines of the public stages give what DuckDB's SQL gives: names, order, dtypes and rows, on every engine."""

from __future__ import annotations

import pytest

from tests.fuzz.expressions import Expression
from tests.fuzz.generator import Case, random_case
from tests.fuzz.running import Oracle, examined, script, shrunk
from tests.fuzz.search import Search
from tests.fuzz.steps import Filtered, Ordered, Renamed, Selected, Source

N_CASES, N_ON_DASK = 200, 4  # the same ones each time; `make fuzz` runs 5,000 new ones


def test_in_one_process() -> None:
    search = Search().on(["cpu", "pandas"], range(N_CASES))
    assert search.n_cases > N_CASES / 2
    assert not search.kinds, search.told()


def test_on_dask(monkeypatch: pytest.MonkeyPatch, two_workers: str) -> None:
    monkeypatch.setenv("GPUPIPE_CLUSTER", two_workers)
    monkeypatch.setattr("gpupipe.engines.dask.reading.LEAST_ROWS", 1)
    monkeypatch.setattr("gpupipe.engines.dask.reading.BLOCKS_A_THREAD", 1)
    search = Search().on(["dask"], range(100, 100 + N_ON_DASK))
    assert not search.kinds, search.told()


def test_a_wrong_answer_is_found_and_told_by_the_smallest_script() -> None:
    table = Source((("k", "int"), ("x", "int")), tuple((n % 2, n) for n in range(6)))
    wanted = Filtered((0,), Expression('(nw.col("x") > 1)', '("x" > 2)', "bool", (("x", "int"),)))  # as if the engine were wrong
    steps = (table, Renamed((0,), (("k", "g"),)), wanted, Selected((2,), ("x", "k")), Ordered((3,), (("x", True),), True, None, False))
    case, oracle = Case(steps, (1, 4)), Oracle()
    found = examined(case, "cpu", oracle)
    assert found is not None and found.what == "wrong" and found.why.startswith("numbers of rows differ: got 4, expected 3")
    small = shrunk(case, found, oracle)
    assert small == Case((Source(table.names, ((0, 2),)), wanted), (1,))
    assert 's1 = gp.Filter((nw.col("x") > 1))(s0)' in script(small, found)


def test_each_stage_stands_in_the_cases() -> None:
    stages = ("Join", "GroupBy", "Filter", "WithColumns", "Select", "SortRows", "Limit", "Rolling", "Deduplicate", "Concat")
    stages += ("Rename", "Drop", "FillNull", "Split", "Scalar", "Cast")
    code = "\n".join(random_case(seed).code() for seed in range(N_CASES))
    assert all(code.count(f"gp.{stage}(") >= 10 for stage in stages)
    for words in ('how="cross"', ".over(", "nw.when(", ".n_unique()", "limit=", "null_keys='drop'", "'diagonal'"):
        assert code.replace("'", '"').count(words.replace("'", '"')) >= 10, words
