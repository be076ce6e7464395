"""Taggers in pipelines: the law, rounds within a budget of words, what is saved, modules of users' own, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import nn  # noqa: E402

import gpupipe as gp  # noqa: E402
from gpupipe.core.errors import ArtefactError, ColumnError, DtypeError, StageError, UsageError  # noqa: E402
from gpupipe.deep import Training  # noqa: E402
from gpupipe.testing.tasks import check_task  # noqa: E402

NAMES, PLACES, OTHERS = ("Ada", "Alan", "Grace", "Edsger"), ("Rome", "Oslo", "Lima"), ("saw", "the", "sea", "in", "and", "was", "1843")
CHANCE = np.random.default_rng(0)


def sentence() -> tuple[list[str], list[str]]:
    """Return words and tags: names, of one word or two, and places."""
    words: list[str] = []
    tags: list[str] = []
    for _ in range(int(CHANCE.integers(1, 4))):
        words += [str(CHANCE.choice(OTHERS)), str(CHANCE.choice(NAMES))]
        tags += ["O", "B-PER"]
        if CHANCE.random() < 0.4:
            words, tags = [*words, "Hopper"], [*tags, "I-PER"]
        if CHANCE.random() < 0.5:
            words, tags = [*words, "in", str(CHANCE.choice(PLACES))], [*tags, "O", "B-LOC"]
    return words, tags


MADE = [sentence() for _ in range(48)]
ROWS = pl.DataFrame(
    {
        "id": [f"s{place}" for place in range(len(MADE))],
        "words": [words for words, _ in MADE],
        "tags": [tags for _, tags in MADE],
        "n_words": [len(words) for words, _ in MADE],
    }
)
POOL, TEST = ROWS[:32], ROWS[32:]
SMALL = {"word_size": 8, "character_size": 6, "character_filters": 8, "filters": 12, "hidden": 12, "dropout": 0.2}
TRAINING = Training(1, 8, 0.02, clip_norm=5.0, device="cpu")


def tagger(steps: int = 60, **options: Any) -> gp.TagSequences:
    return gp.TagSequences(options=SMALL, **{"least_steps": steps, "training": TRAINING, **options})


class Alone(nn.Module):
    """A tagger of a user's own: of each word alone, whatever stands before it."""

    def __init__(self, n_words: int, n_characters: int, n_tags: int, size: int) -> None:
        super().__init__()
        self.scores = nn.Sequential(nn.Embedding(n_words, size), nn.Linear(size, n_tags))

    def forward(self, words: Any, characters: Any, before: Any) -> Any:
        return self.scores(words)

    def decode(self, words: Any, characters: Any) -> Any:
        best = torch.log_softmax(self.scores(words), 2).max(2)
        return best.indices, best.values


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a run of two rounds with all answers, and the folder of a saved tagger."""
    pool, test = gp.FromFrame(POOL.with_columns(tags=pl.when(pl.int_range(32) < 20).then("tags"))).node(), gp.FromFrame(TEST).node()
    first = tagger(kinds=["LOC", "PER"]).fit(pool)
    second = tagger(steps=10, kinds=["LOC", "PER"]).fit(gp.FromFrame(POOL).node(), first)
    outputs = {"first": first, "fitted": second, "predicted": second.predict(test), "scores": gp.EvaluateEntities()(second.predict(test))}
    outputs |= {by: second.score(test, by=by, passes=4) for by in ("mnlp", "least_confidence", "bald", "random")}
    folder = tmp_path_factory.mktemp("run")
    result = gp.Pipeline("names", outputs).run("cpu", checkpoints=folder / "kept")
    gp.save(result["fitted"], folder / "saved")
    return result, folder, outputs


def frame(held: Any) -> pl.DataFrame:
    made = pl.from_arrow(held.to_arrow())
    assert isinstance(made, pl.DataFrame)
    return made


def test_law(engine: str) -> None:
    made = check_task(lambda table: tagger(4).fit(table).score(table), POOL, engines=("cpu", engine), rtol=1e-5)
    assert len(made) == 32


def test_it_finds_names(run: Any) -> None:
    result, _, _ = run
    assert result["scores"]["f1"] > 0.9
    predicted = frame(result["predicted"])
    assert predicted.columns == [*TEST.columns, "prediction", "log_probability"]
    assert {tag for tags in predicted["prediction"] for tag in tags} <= {
        "O",
        *(f"{mark}-{kind}" for mark in "BIES" for kind in ("LOC", "PER")),
    }


def test_scores_are_of_the_path_that_was_found(run: Any) -> None:
    result, _, _ = run
    told, n_words = frame(result["predicted"])["log_probability"].to_numpy(), TEST["n_words"].to_numpy()
    np.testing.assert_allclose(frame(result["least_confidence"])["score"], -told, rtol=1e-12)
    np.testing.assert_allclose(frame(result["mnlp"])["score"], -told / n_words, rtol=1e-12)
    assert set(frame(result["random"])["score"]) == {0.0}
    disagreement = frame(result["bald"])["score"].to_numpy()
    assert (disagreement >= 0).all() and len(set(np.floor(disagreement * 4))) > 1


def test_a_round_buys_words(run: Any) -> None:
    result, _, _ = run
    chosen = gp.Choose(40, score="score", cost="n_words").apply(frame(result["mnlp"]))
    ranked = frame(result["mnlp"]).sort("score", descending=True)
    before = ranked["n_words"].cum_sum() - ranked["n_words"]
    assert chosen["id"].to_list() == ranked.filter(before < 40)["id"].to_list()


def test_the_second_round_goes_on(run: Any) -> None:
    result, _, _ = run
    first, second = result["first"], result["fitted"]
    steps = [int(held.state[held.state_names.index("0/step")]) for held in (first, second)]
    assert steps[0] >= 60 and steps[1] == steps[0] + 12  # 10 and more, of 4 batches an epoch
    assert second.words["word"].to_list() == first.words["word"].to_list()
    assert sum(second.learnt) >= sum(first.learnt)
    facts = [stage["facts"] for stage in result.report["stages"] if stage["name"] == "TagSequences"]
    assert [one["without tags"] for one in facts] == [12, 0] and facts[0]["kinds"] == 2 and facts[0]["sentences"] == 20


def test_saved_without_pickle(run: Any) -> None:
    result, folder, outputs = run
    loaded = gp.load(folder / "saved")
    assert frame(loaded.predict().apply(TEST)).equals(frame(result["predicted"]))
    assert not [path for path in Path(folder / "saved").rglob("*") if path.suffix in (".pkl", ".pickle", ".pt")]
    again = gp.Pipeline("names", outputs).run("cpu", checkpoints=folder / "kept")
    assert again["scores"] == result["scores"]
    object.__setattr__(loaded, "kinds", ("PER",))
    with pytest.raises(ArtefactError, match="a tagger's weights, vocabulary and tags"):
        loaded.check()


def test_a_module_of_ones_own() -> None:
    stage = gp.TagSequences(Alone, {"size": 6}, least_steps=60, training=Training(1, 8, 0.1, device="cpu"))
    made = stage.apply(POOL).predict().apply(TEST)
    assert gp.EvaluateEntities().apply(made)["f1"] > 0.5


def test_words_that_were_never_learnt_are_unknown_ones() -> None:
    fitted = tagger(20).apply(POOL.with_columns(tags=pl.when(pl.int_range(32) < 1).then("tags")))
    known = {word.lower() for word in MADE[0][0]} - {"1843"}
    assert {word for word, one in fitted.words.iter_rows() if one} == known | ({"0000"} if "1843" in MADE[0][0] else set())
    both = pl.DataFrame({"words": [["Oslo"], ["Lima"]]}).filter(~pl.col("words").list.first().str.to_lowercase().is_in(list(known)))
    encoded = fitted.vocabulary.encode(both["words"].to_list(), fitted.learnt)
    assert set(encoded.words.tolist()) <= {1}


def test_empty_tables_and_sentences(run: Any) -> None:
    fitted = run[0]["fitted"]
    made = fitted.predict().apply(pl.DataFrame({"words": [[], ["Ada"]]}, schema={"words": pl.List(pl.String)}))
    assert made["prediction"].to_list()[0] == [] and made["log_probability"].to_list()[0] == 0
    assert len(fitted.score(by="bald", passes=2).apply(TEST.clear())) == 0


@pytest.mark.parametrize(
    ("rows", "error", "told"),
    [
        ({"tags": [["O"], ["O"]]}, StageError, "a tag for each word, got 1 tags of 2 words: 'Ada slept'"),
        ({"tags": [["PER", "O"], ["O"]]}, StageError, "in 'tags': Expected tags such as O, B-PER"),
        ({"tags": [["B-ORG", "O"], ["O"]]}, StageError, r"was given entities of 'ORG', and its kinds are 'LOC', 'PER'"),
        ({"words": [["Ada", ""], ["x"]]}, StageError, "got 1 rows without, or with a word that is missing or empty"),
        ({"tags": pl.Series([None, None], dtype=pl.List(pl.String))}, StageError, "is missing in each of 2 rows"),
        ({"words": ["Ada slept", "x"]}, DtypeError, "a list of texts in each row of 'words'.*got String"),
    ],
)
def test_bad_rows(rows: dict[str, Any], error: type[Exception], told: str) -> None:
    table = pl.DataFrame({"words": [["Ada", "slept"], ["x"]], "tags": [["B-PER", "O"], ["O"]], **rows})
    with pytest.raises(error, match=told):
        tagger(2, kinds=["LOC", "PER"]).apply(table)


def test_bad_options(run: Any) -> None:
    fitted = run[0]["fitted"]
    with pytest.raises(UsageError, match="no strategy 'mnpl' of sentences. Did you mean 'mnlp'"):
        fitted.score(by="mnpl")
    with pytest.raises(UsageError, match="passes is how often"):
        fitted.score(by="bald", passes=0)
    with pytest.raises(ColumnError, match="makes a column 'prediction', and there is one"):
        fitted.predict().plan(gp.FromFrame(TEST.with_columns(prediction="tags")).schema())
    with pytest.raises(UsageError, match="goes on from a tagger of the same network"):
        gp.TagSequences(options={**SMALL, "hidden": 13}, training=TRAINING).apply(POOL, fitted)
    for options, told in (
        ({"least_steps": -1}, "whole number from 0 on, got -1"),
        ({"word_dropout": 1}, "word_dropout is a share"),
        ({"kinds": "PER"}, "kinds are names of entities"),
        ({"training": 5}, "got a int"),
        ({"training": Training(patience=2)}, "needs sentences for validation"),
    ):
        with pytest.raises(UsageError, match=told):
            gp.TagSequences(**options)  # type: ignore[arg-type]
