"""Labels where they help: names of people, places and other things in sentences, learned from as few marked words as possible.

gpupipe run pipelines/entities.py -p store=labels --report out      one round: learns what is marked, asks about 1,500 words, and ends
gpupipe label labels                                               a person marks them on a page
gpupipe run pipelines/entities.py -p store=labels --report out2 -p before=out/tagger        the next round; it goes on from that tagger
gpupipe rounds pipelines/entities.py --oracle tags --metric f1 --until budget=9000 --seeds 1 --out rounds       a simulation, beside chance

To mark a sentence takes as long as it has words, so the budget is in words. The first round asks about sentences by chance; each other
one learns from all that is marked and asks about those of which the tagger is least sure, for their length (MNLP). `data` is a file, or
a folder of files, with a word and its tag on each line; the tags are what a simulation answers with, and what the hold-out is scored by.
"""

from __future__ import annotations

import gpupipe as gp
from gpupipe.deep import Training


def pipeline(
    store: str,
    strategy: str = "mnlp",
    seed: int = 0,
    data: str = "../shared/data/ner/wikigold.conll.gz",
    kinds: str = "LOC,MISC,ORG,PER",
    budget: int = 1500,
    steps: int = 450,
    filters: int = 100,
    before: str = "",
) -> gp.Pipeline:
    """Return one round: learn from what is marked, choose sentences within a budget of words, ask about them, and end.

    Parameters
    ----------
    store
        Where questions and answers are kept.
    strategy
        How sentences are chosen: mnlp, least_confidence, bald or random.
    seed
        Of what is random.
    data
        Sentences in CoNLL's form.
    kinds
        The kinds of entities, with commas between.
    budget
        How many words a round asks about.
    steps
        How many steps the tagger learns at least: with few sentences, epochs alone teach next to nothing.
    filters
        What each convolution over words finds; 800 in the paper.
    before
        A folder with the tagger of the round before, to go on from: its weights and its optimiser. `gpupipe rounds` names it by itself.
    """
    labels = gp.LabelStore.create(store, sorted(kinds.split(",")), kind="spans")
    sentences = gp.ReadConll(data).node().named("sentences")
    pool, test = gp.Split((0.75, 0.25), by="id")(sentences)

    # A sentence costs its words. What waits for an answer is not asked again; nor is what is marked, nor the hold-out.
    known = gp.ReadLabels(store).node().named("labels")
    choose = gp.Choose(budget, score="score", cost="n_words", keep=["words"], seed=seed, round=labels.next_round)
    ask = gp.AskQuestions(store, words="words", strategy=strategy, seed=seed, budget=budget)

    if not labels.answers().num_rows:  # nothing is known yet: the first sentences are drawn by chance
        by_chance = gp.Choose(budget, score=None, cost="n_words", keep=["words"], seed=seed)
        return gp.Pipeline("entities", asked=ask(by_chance(pool, test)))

    # Every sentence of the pool with the tags that people gave it; without, where nobody has. Their words are known either way.
    marked = gp.Select("example_id", "label")(known)
    marked = gp.Rename(example_id="id", label="tags")(marked)
    shown = gp.Join(on="id", how="left")(gp.Drop("tags")(pool), marked)

    training = Training(epochs=1, batch_size=16, learning_rate=2e-3, clip_norm=5.0, seed=seed)
    tagger = gp.TagSequences(options={"filters": filters}, kinds=kinds.split(","), least_steps=steps, training=training)
    tagger = tagger.fit(shown, gp.FromFitted(gp.load(before)).node()) if before else tagger.fit(shown)

    told = tagger.predict(test)
    return gp.Pipeline(
        "entities",
        tagger=tagger,
        scores=gp.EvaluateEntities()(told),
        examples=gp.Limit(20)(gp.Select("id", "words", "tags", "prediction", "log_probability")(told)),
        asked=ask(choose(tagger.score(pool, by=strategy), known, test)),
    )
