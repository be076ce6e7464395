"""Choices, which are the same on every engine, for any order and any cut of the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.active import selectors
from gpupipe.active.scheme import CLASS
from gpupipe.active.scorers import random_order
from gpupipe.active.scorers.random_order import round_seed
from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError
from gpupipe.testing.tasks import check_task

CHANCE = np.random.default_rng(0)
N = 300
POOL = pl.DataFrame(
    {
        "id": [f"e{number:03d}" for number in CHANCE.permutation(N)],
        "score": [None if number % 50 == 7 else float(number % 5) for number in range(N)],
        "words": CHANCE.integers(1, 30, N),
        "x": CHANCE.normal(size=N),
        "y": CHANCE.normal(size=N),
        "probability": CHANCE.random(N),
    }
)
KNOWN = POOL.filter(pl.col("score") == 4.0).head(20)
HELD_OUT = POOL.filter(pl.col("score") == 4.0).tail(10).select("id")


def rank(frame: Any) -> pl.DataFrame:
    """Return a choice in its order."""
    return pl.from_arrow(frame.to_arrow()).sort("rank")


OPTIONS: list[dict[str, Any]] = [
    {"budget": 40},
    {"budget": 25, "score": None, "seed": 3},
    {"budget": 150.0, "cost": "words"},
    {"budget": 150.0, "cost": "words", "gamma": 0.5, "keep": ["words"]},
    {"budget": 30, "power": 1.0, "round": 2},
    {"budget": 12, "diverse": "k_center", "embedding": ["x", "y"]},
    {"budget": 12, "diverse": "k_center", "embedding": ["x", "y"], "candidates": None, "score": None},
    {"budget": 12, "diverse": "badge", "embedding": ["x", "y"]},
    {"budget": 12, "diverse": "ranked_batch", "embedding": ["x", "y"]},
    {"budget": 80, "cost": "words", "diverse": "representatives", "embedding": ["x", "y"]},
    {"budget": 90.0, "cost": "words", "by_chance": 0.3, "round": 4},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_choice_keeps_the_law(options: dict[str, Any]) -> None:
    chosen = rank(check_task(gp.Choose(**options), POOL, KNOWN, HELD_OUT))
    assert not {*KNOWN["id"], *HELD_OUT["id"]} & set(chosen["id"]) and chosen["id"].is_unique().all() and len(chosen)
    spent = chosen["cost"].cum_sum() - chosen["cost"]
    assert (spent < options["budget"]).all()
    assert chosen["cost"].sum() >= options["budget"]


def test_a_choice_is_the_same_on_blocks(engine: str) -> None:
    pool, known, held = (gp.FromFrame(table).node() for table in (POOL, KNOWN, HELD_OUT))
    outputs = {f"made{number}": gp.Choose(**options)(pool, known, held) for number, options in enumerate(OPTIONS[2::4])}
    theirs, ours = (gp.Pipeline("choices", outputs).run(name) for name in (engine, "cpu"))
    for name in outputs:
        assert rank(theirs[name])["id"].to_list() == rank(ours[name])["id"].to_list()


def test_the_best_are_chosen_and_ties_go_by_hash() -> None:
    left = POOL.filter(~pl.col("id").is_in(KNOWN["id"]))
    hashes = random_order(left["id"].to_arrow(), seed=5, number=1)
    filled = left["score"].fill_null(float("-inf")).to_numpy()
    expected = left["id"].to_numpy()[np.lexsort([hashes, -filled])][:60].tolist()
    pool, known = gp.FromFrame(POOL).node(), gp.FromFrame(KNOWN).node()
    made = gp.Pipeline("chosen", made=gp.Choose(budget=60, seed=5, round=1)(pool, known)).run("cpu")
    assert rank(made["made"])["id"].to_list() == expected
    (card,) = made.report["cards"]
    assert card["title"] == "What was chosen, the first 20 of 60" and card["parts"][0]["rows"][0][0] == expected[0]


def test_costs_and_power_are_those_of_the_array_library() -> None:
    rows = POOL.with_columns(pl.col("score").fill_null(0.0))
    hashes = random_order(rows["id"].to_arrow())
    scores, words = rows["score"].to_numpy(), rows["words"].to_numpy().astype(float)
    from gpupipe.active import scorers  # local: one test

    weighed = scorers.cost_aware(scores, words, 0.5)
    expected = rows["id"].to_numpy()[selectors.top_budget(weighed, hashes, words, 200)].tolist()
    assert rank(gp.Choose(200, cost="words", gamma=0.5).apply(rows))["id"].to_list() == expected
    drawn = scorers.power(scores, hashes, beta=2.0)
    expected = rows["id"].to_numpy()[selectors.top(drawn, hashes, 30)].tolist()
    assert rank(gp.Choose(30, power=2.0).apply(rows))["id"].to_list() == expected


def test_a_share_is_drawn_by_chance_alone_and_anew_in_each_round() -> None:
    """By hash among all that can be asked, whatever the scores; the best are among the rest."""
    rows = POOL.with_columns(pl.col("score").fill_null(0.0))
    drawn = []
    for number in range(2):
        made = rank(gp.Choose(40, by_chance=0.25, round=number).apply(rows))
        order = np.argsort(random_order(rows["id"].to_arrow(), number=number))
        assert made.filter("by_chance")["id"].to_list() == rows["id"].to_numpy()[order[:10]].tolist() == made["id"].to_list()[:10]
        rest = rows.filter(~pl.col("id").is_in(made["id"].to_list()[:10]))
        assert made["id"].to_list()[10:] == rank(gp.Choose(30, round=number).apply(rest))["id"].to_list()
        drawn.append(set(made["id"].to_list()[:10]))
    assert drawn[0] != drawn[1]


def test_labels_of_what_chance_drew_are_told_apart(tmp_path: Path) -> None:
    store = gp.LabelStore.create(tmp_path / "store", ["a", "b"])
    assert store.next_round == 0
    chosen = gp.Choose(5, by_chance=0.2)(gp.FromFrame(POOL).node())
    gp.Pipeline("asked", asked=gp.AskQuestions(store.place)(chosen)).run("cpu")
    asked = store.questions()["example_id"].to_pylist()
    assert store.next_round == 0 and store.by_chance().num_rows == 0
    store.append({"example_id": asked, "question": [CLASS] * 5, "answer": ["a"] * 5, "annotator": ["ann"] * 5})
    assert store.next_round == 1
    read = gp.Pipeline("read", made=gp.ReadLabels(store.place, what="by_chance").node()).run("cpu")["made"]
    assert read["example_id"].to_list() == asked[:1] and read["label"].to_list() == ["a"]


def test_ids_that_nobody_checks_are_looked_at_where_they_are_chosen() -> None:
    pool = gp.FromFrame(pl.concat([POOL, POOL.tail(40)])).node()
    twice = POOL.tail(40)["id"].to_list()
    with pytest.raises(StageError, match="got one twice in 'id'"):
        gp.Pipeline("p", made=gp.Choose(N, check_ids=False)(pool)).run("cpu")
    left = gp.FromFrame(POOL.tail(40)).node()
    made = gp.Pipeline("p", made=gp.Choose(50, check_ids=False)(pool, left)).run("cpu")["made"]
    assert len(made) == 50 and not set(twice) & set(made["id"].to_list())


def test_diverse_rows_are_those_of_the_array_library() -> None:
    left = POOL.filter(~pl.col("id").is_in(KNOWN["id"]))
    order = np.argsort(random_order(left["id"].to_arrow()))
    rows, centers = left.select("x", "y").to_numpy()[order], KNOWN.select("x", "y").to_numpy()
    ids = left["id"].to_numpy()[order]
    options = {"diverse": "k_center", "embedding": ["x", "y"], "candidates": None}
    pool, known = gp.FromFrame(POOL).node(), gp.FromFrame(KNOWN).node()
    made = gp.Pipeline("chosen", made=gp.Choose(9, **options)(pool, known)).run("cpu")["made"]
    assert rank(made)["id"].to_list() == ids[selectors.k_center(rows, 9, centers=centers)].tolist()
    p = left["probability"].to_numpy()[order]
    made = gp.Pipeline("b", made=gp.Choose(9, **options | {"diverse": "badge"})(pool, known)).run("cpu")["made"]
    expected = selectors.badge([1 - p, p], rows, 9, seed=round_seed(0, 0))
    assert rank(made)["id"].to_list() == ids[expected].tolist()


def test_rounds_of_chance_do_not_ask_twice() -> None:
    known = POOL.clear().select("id")
    seen: list[str] = []
    for number in range(4):
        pool, done = gp.FromFrame(POOL).node(), gp.FromFrame(known).node()
        made = gp.Pipeline("random", made=gp.Choose(90, score=None, round=number)(pool, done)).run("cpu")["made"]
        seen += made["id"].to_list()
        known = pl.concat([known, pl.DataFrame({"id": made["id"].to_list()})])
    assert len(seen) == N == len(set(seen))


def test_of_a_store_only_known_labels_count(tmp_path: Path, engine: str) -> None:
    """A question that annotators disagree on is open, and is asked again; what is known is not."""
    store = gp.LabelStore.create(tmp_path / "store", ["a", "b"])
    store.add_examples({"example_id": POOL["id"].to_list()})
    first, second, *_ = POOL.filter(pl.col("score") == 4.0)["id"].to_list()
    told = [(first, "ann", "a"), (second, "ann", "a"), (second, "bob", "b")]
    store.append([{"example_id": key, "question": CLASS, "annotator": who, "answer": answer} for key, who, answer in told])
    labels, pool = gp.ReadLabels(tmp_path / "store").node(), gp.FromFrame(POOL).node()
    made = gp.Pipeline("p", made=gp.Choose(60)(pool, labels)).run(engine)["made"]
    assert first not in made["id"].to_list() and second in made["id"].to_list()


def test_what_is_wrong_is_told_in_the_plan() -> None:
    pool = gp.FromFrame(POOL).node()
    for budget in (0, -1, 2.5, True):
        with pytest.raises(UsageError, match="expects a budget above 0 in rows"):
            gp.Choose(budget)
    with pytest.raises(ColumnError, match=r"never by the place of a row, and there is no column 'key'"):
        gp.Pipeline("p", made=gp.Choose(1, id="key")(pool)).check()
    with pytest.raises(ColumnError, match="the table of known or held out examples has no column 'id'"):
        gp.Pipeline("p", made=gp.Choose(1)(pool, gp.Rename({"id": "example"})(pool))).check()
    with pytest.raises(DtypeError, match="ids of one dtype, got String of the examples and Int64"):
        gp.Pipeline("p", made=gp.Choose(1)(pool, gp.FromArrow(pa.table({"id": [1]})).node())).check()
    with pytest.raises(ColumnError, match="There is no column 'scores'"):
        gp.Pipeline("p", made=gp.Choose(1, score="scores")(pool)).check()
    with pytest.raises(UsageError, match=r"got 'kcenter'\. Did you mean 'k_center'"):
        gp.Choose(1, diverse="kcenter", embedding=["x"])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="embedding, the columns in which rows differ"):
        gp.Choose(1, diverse="badge")


def test_rows_that_cannot_be_asked_about_are_told(engine: str) -> None:
    def chosen(rows: pl.DataFrame, **options: Any) -> Any:
        return gp.Pipeline("p", made=gp.Choose(5, **options)(gp.FromFrame(rows).node())).run(engine)

    twice = pl.concat([POOL, POOL.filter(pl.col("score") == 0.0).head(1)])
    with pytest.raises(StageError, match="each example once, under an id of its own, got id='e"):
        chosen(twice)
    nameless = POOL.with_columns(id=pl.when(pl.col("score") == 0.0).then(None).otherwise("id"))
    with pytest.raises(StageError, match="expects an id in each row"):
        chosen(nameless)
    with pytest.raises(StageError, match=r"costs above 0 in 'free'"):
        chosen(POOL.with_columns(free=pl.lit(0.0)), cost="free")
    with pytest.raises(StageError, match="finite numbers in its embedding"):
        chosen(POOL.with_columns(x=pl.lit(float("inf"))), diverse="k_center", embedding=["x"])
