"""Scores as a stage: those of the array library, of what models append."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import gpupipe as gp
from gpupipe.active import scorers
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.testing.laws import check_row_stage

CHANCE = np.random.default_rng(0)
P = CHANCE.dirichlet(np.ones(3), 50)
ROWS = pl.DataFrame(
    {
        **{f"probability_{name}": P[:, place] for place, name in enumerate("abc")},
        **{f"other_probability_{name}": CHANCE.dirichlet(np.ones(3), 50)[:, 0] for name in "abc"},
        "h1": CHANCE.normal(size=50),
        "h2": CHANCE.normal(size=50),
    }
)


def scored(stage: Any) -> Any:
    return check_row_stage(stage, ROWS)["score"].to_numpy()


@pytest.mark.parametrize("strategy", ["least_confidence", "margin", "entropy"])
def test_of_one_model(strategy: str) -> None:
    np.testing.assert_array_equal(scored(gp.Score(strategy)), getattr(scorers, strategy)(P.T))


def test_of_several() -> None:
    both = [ROWS.select(f"^{prefix}probability_.$").to_numpy().T for prefix in ("", "other_")]
    for strategy in ("bald", "mean_kl", "variation_ratio", "vote_entropy"):
        made = scored(gp.Score(strategy, prefix=["probability", "other_probability"]))
        np.testing.assert_array_equal(made, getattr(scorers, strategy)(both))
    np.testing.assert_allclose(scored(gp.Score("variance", columns=["h1", "h2"])), ROWS.select("h1", "h2").to_numpy().var(axis=1))
    hidden = ROWS.select("h1", "h2").to_numpy()
    np.testing.assert_array_equal(scored(gp.Score("gradient_length", features=["h1", "h2"])), scorers.gradient_length(P.T, hidden))
    assert set(scored(gp.Score("random"))) == {0.0}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_of_what_a_model_appends(n_classes: int, engine: str) -> None:
    """A model's columns are known once it is trained; of two classes there is one."""
    rows = ROWS.select("h1", "h2").with_columns(y=pl.Series([str(number % n_classes) for number in range(50)]), id=pl.Series(range(50)))
    table = gp.FromFrame(rows).node()
    model = gp.Learn(LogisticRegression(), target="y", features=["h1", "h2"]).fit(table)
    chosen = gp.Choose(budget=5)(gp.Score("entropy")(model.predict_proba(table)))
    made = gp.Pipeline("scored", chosen=chosen).run(engine)["chosen"]
    fitted = LogisticRegression().fit(rows.select("h1", "h2").to_numpy(), rows["y"].to_numpy())
    expected = scorers.entropy(fitted.predict_proba(rows.select("h1", "h2").to_numpy()).T)
    np.testing.assert_allclose(sorted(made["score"].to_list()), np.sort(expected)[-5:], rtol=1e-6)


def test_a_committee_is_wired_of_models() -> None:
    """Each model scores on a branch of its own, under a prefix of its own; branches come together by id."""
    rows = ROWS.select("h1", "h2").with_columns(y=pl.Series([str(number % 3) for number in range(50)]), id=pl.Series(range(50)))
    table, branches = gp.FromFrame(rows).node(), []
    for seed in range(2):
        model = gp.Learn(RandomForestClassifier(5, random_state=seed), target="y", features=["h1", "h2"]).fit(table)
        names = {f"m{seed}_{name}": nw.col(f"probability_{name}") for name in "012"}
        branches.append(gp.Select("id", **names)(model.predict_proba(table)))
    made = gp.Pipeline("committee", made=gp.Score("bald", prefix=["m0", "m1"])(gp.Join(on="id")(*branches))).run("cpu")["made"]
    members = [made.select([f"m{seed}_{name}" for name in "012"]).to_numpy().T for seed in range(2)]
    np.testing.assert_allclose(made["score"].to_numpy(), scorers.bald(members), atol=1e-12)


def test_a_row_that_lacks_a_probability_has_no_score() -> None:
    rows = ROWS.with_columns(probability_a=pl.when(pl.int_range(50) == 3).then(None).otherwise("probability_a"))
    made = gp.Score("entropy").apply(rows)["score"]
    assert made.null_count() == 1 and made[3] is None


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(UsageError, match=r"no strategy 'entropie'\. Did you mean 'entropy'"):
        gp.Score("entropie")
    with pytest.raises(UsageError, match="is of one model, got 2 prefixes"):
        gp.Score("margin", prefix=["a", "b"])
    with pytest.raises(UsageError, match="needs columns for 'variance'"):
        gp.Score("variance")
    with pytest.raises(ColumnError, match="Score what model.predict_proba"):
        gp.Pipeline("p", made=gp.Score("margin")(gp.FromFrame(ROWS.select("h1")).node())).check()
    with pytest.raises(ColumnError, match="would make column 'h1'"):
        gp.Pipeline("p", made=gp.Score("margin", name="h1")(gp.FromFrame(ROWS).node())).check()


def test_sentences_are_scored_by_what_any_tagger_tells() -> None:
    rows = pl.DataFrame({"log_probability": [-3.0, -1.0, 0.0, None], "n_words": [6, 1, 0, 2]})
    assert gp.Score("mnlp", columns=["log_probability", "n_words"]).apply(rows)["score"].to_list() == [0.5, 1.0, 0.0, None]
    assert gp.Score("sequence_confidence", columns="log_probability").apply(rows)["score"].to_list() == [3.0, 1.0, 0.0, None]
    with pytest.raises(
        UsageError, match=r"expects 2 of the columns: a sentence's log-probability, its number of words; got \('n_words',\)"
    ):
        gp.Score("mnlp", columns=["n_words"])
    with pytest.raises(UsageError, match="needs columns for 'variance', 'mnlp', 'sequence_confidence' and for nothing else"):
        gp.Score("mnlp")
