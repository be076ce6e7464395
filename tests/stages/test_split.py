from __future__ import annotations

import datetime as dt

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

import gpupipe as gp
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.engines._verbs import row_hashes
from gpupipe.stages.split import Split
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_row_stage
from gpupipe.testing.strategies import cut_tables

MANY = pl.DataFrame({"a": range(20_000), "k": [row // 4 for row in range(20_000)]})
SPLITS = [Split((0.6, 0.4), seed=5), Split((0.5, 0.5), by=["key", "text"]), Split(order="day", at=[dt.date(2000, 1, 2)])]


def test_parts_are_the_whole_and_near_the_fractions() -> None:
    parts = Split((0.5, 0.3, 0.2)).apply(MANY)
    assert [round(len(part), -3) for part in parts] == [10_000, 6_000, 4_000]
    assert_same_rows(pl.concat(parts), MANY)


def test_rows_of_a_key_stay_together() -> None:
    train, test = Split((0.8, 0.2), by="k").apply(MANY)
    assert not set(train["k"]) & set(test["k"])
    assert abs(len(test) - 4_000) < 400


def test_all_parts_share_one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def counted(table: pa.Table, seed: int) -> object:
        seen.append(table.num_rows)
        return row_hashes(table, seed)

    monkeypatch.setattr("gpupipe.engines.polars.verbs.row_hashes", counted)
    parts = gp.Split((0.5, 0.3, 0.2))(gp.FromFrame(MANY).node() >> gp.WithColumns(b=nw.col("a") + 1))
    made = gp.Pipeline("p", one=parts[0], two=parts[1], three=parts[2]).run("cpu")
    assert sum(len(made[name]) for name in ("one", "two", "three")) == sum(seen) == len(MANY)


def test_seed_decides() -> None:
    one, other = (set(Split((0.5, 0.5), seed=seed).apply(MANY)[0]["a"]) for seed in (0, 1))
    assert 4_000 < len(one & other) < 6_000


def test_split_of_a_sample_is_a_split_again() -> None:
    first, _ = Split((0.5, 0.5), seed=0).apply(MANY)
    assert abs(len(Split((0.5, 0.5), seed=1).apply(first)[0]) - len(first) / 2) < 400


def test_time(engine: str) -> None:
    frame = pl.DataFrame({"t": [5, None, 1, 3, 2, 9]})
    parts = Split(order="t", at=[2, 5]).apply(frame if engine == "cpu" else frame.to_pandas())
    assert [sorted(nw.from_native(part)["t"].drop_nulls().to_list()) for part in parts] == [[1], [2, 3], [5, 9]]
    assert [len(part) for part in parts] == [2, 2, 2]


@pytest.mark.parametrize("split", SPLITS)
@given(cut_tables())
def test_law(split: Split, cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    parts = [check_row_stage(part, cut[0], cuts=cut[1]) for part in split.parts]
    assert_same_rows(pa.concat_tables(parts), cut[0])


def test_options() -> None:
    message = r"^Split expects either fractions \(and by, for a key\), or order and at, for time\.$"
    for options in ({}, {"fractions": (0.5, 0.5), "order": "t", "at": 1}, {"order": "t"}, {"order": "t", "at": 1, "by": "k"}):
        with pytest.raises(UsageError, match=message):
            Split(**options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^Split expects ascending cuts, got \(2, 1\)\.$"):
        Split(order="t", at=[2, 1])
    for fractions in ((0.5, 0.4), (1.0,), (1.5, -0.5)):
        with pytest.raises(UsageError, match=r"^Split expects two or more fractions >= 0 that sum to 1, got \("):
            Split(fractions)
    with pytest.raises(ColumnError, match=r"^There is no column 'kk'\. Did you mean 'k'\?"):
        Split((0.5, 0.5), by="kk").apply(MANY)


def test_fractions_that_are_no_numbers_are_told() -> None:
    with pytest.raises(UsageError, match=r"fractions as numbers, one for each part, got \{'train': 0.8\}: train, test = gp.Split"):
        Split({"train": 0.8})  # type: ignore[arg-type]


def test_a_part_is_split_again_by_other_draws() -> None:
    train, test = Split((0.5, 0.5))(gp.FromFrame(MANY).node())
    first, second = Split((0.5, 0.5))(train)  # which by the same draws would all be in the first one
    folds = [fold for _, fold in gp.Folds(2)(gp.Folds(2)(gp.FromFrame(MANY).node())[0][0])]
    again = Split((0.5, 0.5))(gp.Concat()(train, test))
    few = gp.Sample(0.5)(gp.Sample(0.5)(train))
    made = gp.Pipeline("p", train=train, first=first, second=second, a=folds[0], b=folds[1], again=again[0], few=few).run("cpu")
    assert [round(len(made[name]), -3) for name in ("train", "first", "second", "a", "b", "few")] == [10_000, *[5_000] * 4, 2_000]
    assert_same_rows(made["again"], made["train"])  # all rows are there again, and the draws are those that they were
