"""Labels where they help: what people want of an assistant, 150 intents in 10 domains, learned from answers to yes/no questions.

gpupipe run pipelines/intents.py -p store=labels --report out            one round: learns what is known, asks 2,000 questions, and ends
gpupipe label labels                                                    a person answers them; then run the round again
gpupipe rounds pipelines/intents.py --oracle intent --until budget=24000 --strategy ALPF-EIG --seeds 1 --out rounds     a simulation

A question is "is the intent one of these?": one intent, a domain, or a part of one. By halving, an intent takes 7 questions; asking
what the model doubts takes far fewer. `data` is a folder with CLINC150's `data_full.json.gz` and `domains.json` (CC BY 3.0).
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

import gpupipe as gp


@cache  # a simulation makes the pipeline anew for each round
def read(data: str, n_features: int, n_texts: int | None) -> tuple[pa.Table, pa.Table, gp.LabelHierarchy]:
    """Return the pool and the hold-out, each text with an id, its intent and its features, and the hierarchy of intents.

    Features are learned from all texts of the pool and from no label, so that nothing is given away.
    """
    with gzip.open(Path(data) / "data_full.json.gz", "rt") as file:
        parts = json.load(file)
    domains = json.loads((Path(data) / "domains.json").read_text())
    pairs = [(intent, domain) for domain, intents in domains.items() for intent in intents]
    hierarchy = gp.LabelHierarchy.from_table(pa.table({"child": [one for one, _ in pairs], "parent": [one for _, one in pairs]})).halved()
    step = 1 if n_texts is None else max(1, len(parts["train"]) // n_texts)
    rows = {"train": parts["train"][::step], "test": parts["test"][::step]}
    words = TfidfVectorizer(sublinear_tf=True).fit(text for text, _ in rows["train"])
    size = TruncatedSVD(n_features, random_state=0).fit(words.transform(text for text, _ in rows["train"]))
    return *(table(part, rows[part], words, size) for part in ("train", "test")), hierarchy  # type: ignore[return-value]


def table(part: str, rows: Any, words: Any, size: Any) -> pa.Table:
    """Return texts with their features; an id is the part and the place in the file, which stay the same."""
    features = normalize(size.transform(words.transform(text for text, _ in rows)))
    columns = {
        "id": [f"{part}-{place:05d}" for place in range(len(rows))],
        "text": [text for text, _ in rows],
        "intent": [one for _, one in rows],
    }
    return pa.table({**columns, **{f"f{place:03d}": features[:, place].astype("float32") for place in range(features.shape[1])}})


def pipeline(
    store: str,
    strategy: str = "ALPF-EIG",
    seed: int = 0,
    data: str = "../shared/data/text/clinc150",
    budget: int = 2000,
    first: int = 750,
    n_features: int = 256,
    n_texts: int | None = None,
) -> gp.Pipeline:
    """Return one round: learn from what is known, choose questions within a budget, ask them, and end.

    Parameters
    ----------
    store
        Where questions and answers are kept.
    strategy
        How questions are chosen: ALPF-EIG, AQ-EIG, uniform and others; random is uniform.
    seed
        Of what is random.
    data
        The folder of CLINC150.
    budget
        How many questions a round asks.
    first
        How many texts the first round asks the intent of, at random.
    n_features
        How many numbers a text becomes.
    n_texts
        How many texts of the pool are taken; all unless given.
    """
    pool, held_out, hierarchy = read(data, n_features, n_texts)
    labels = gp.LabelStore.create(store, sorted(hierarchy.classes))
    labels.hold_out(held_out["id"])
    texts, test = gp.FromArrow(pool).node().named("pool"), gp.FromArrow(held_out).node().named("hold-out")
    asked = gp.AskQuestions(store, text="text", strategy=strategy, seed=seed)

    if not labels.answers().num_rows:  # nothing is known yet: the intent itself is asked, of texts at random
        return gp.Pipeline("intents", asked=asked(gp.Choose(first, score=None, seed=seed, keep=["text"])(texts, test)))

    known = gp.ReadLabels(store).node().named("labels")
    features = [f"f{place:03d}" for place in range(n_features)]
    model = gp.LearnPartial(hierarchy, features=features, epochs=40, seed=seed).fit(texts, known)
    chosen = gp.ChooseQuestions(hierarchy, budget, method=strategy, seed=seed, round=labels.next_round, keep=["text"])(
        model.predict_proba(texts), known, test
    )
    told = model.predict(test)
    return gp.Pipeline(
        "intents",
        model=model,
        scores=gp.Evaluate("accuracy", target="intent")(told),
        sample=gp.Select("id", "prediction")(model.predict(gp.Sample(n_rows=500)(test))),
        states=gp.SortRows("state")(gp.GroupBy("state", texts=nw.len())(known)),
        asked=asked(chosen),
    )
