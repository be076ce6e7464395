"""What texts are about: words are counted, topics found, and each text gets its shares of them.

gpupipe run pipelines/topics.py --report out                    on made-up notes
gpupipe run pipelines/topics.py --report out -p texts=corpus.tsv -p n_topics=10     on texts of yours

A file has a text in each line, and behind tabs "train" or something else, and a label. Labels are no part of what is learned: they are
there to see whether topics, which nobody named, are about the same. The page in `out` shows each topic's words as bars.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

import gpupipe as gp
from gpupipe.topics import TensorLDA

# Words of every text would be the topic of every text.
COMMON = "a an and are as at be by can for from how i in is it its my of on or that the this to using was we what when with you"
THINGS = {
    "garden": ["rose", "soil", "rain", "seed", "tree", "water", "spade", "leaf", "fruit", "bee", "grass", "sun"],
    "kitchen": ["bread", "milk", "salt", "butter", "oven", "pan", "sugar", "flour", "soup", "recipe", "knife", "plate"],
    "travel": ["train", "ticket", "hotel", "plane", "beach", "passport", "map", "sun", "city", "luggage", "bus", "water"],
}


def made_up(n_texts: int, seed: int = 0) -> pa.Table:
    """Return notes about one of three things, with a word of another thing here and there."""
    chance = np.random.default_rng(seed)
    labels = chance.choice(list(THINGS), n_texts).tolist()
    texts = []
    for label in labels:
        others = [chance.choice(THINGS[str(other)]) for other in chance.choice(list(THINGS), 2)]
        texts.append(" ".join(["this is about the", *chance.choice(THINGS[label], 10), *others]))
    return pa.table({"text": texts, "part": ["test" if place % 4 == 0 else "train" for place in range(n_texts)], "label": labels})


def read(texts: str | None, n_texts: int) -> gp.Table:
    """Return the texts of a file, or made-up ones, each with a number."""
    if texts is None:
        table = made_up(n_texts)
    else:
        packed = Path(texts).read_bytes()
        names = pacsv.ReadOptions(column_names=["text", "part", "label"])
        lines = pa.BufferReader(gzip.decompress(packed) if texts.endswith(".gz") else packed)
        as_text = pacsv.ConvertOptions(column_types=dict.fromkeys(names.column_names, pa.string()))
        table = pacsv.read_csv(lines, names, pacsv.ParseOptions(delimiter="\t", quote_char=False), as_text)
    return gp.FromArrow(table.append_column("document", pa.array(range(len(table))))).node().named("texts")


def pipeline(texts: str | None = None, n_topics: int = 3, n_texts: int = 900, min_documents: int = 5, sweeps: int = 20) -> gp.Pipeline:
    """Return the pipeline.

    Parameters
    ----------
    texts
        The file; made-up notes unless given.
    n_topics
        How many topics: rather too many than too few.
    n_texts
        How many notes to make up.
    min_documents
        In how many texts a word must be to count; a word of few texts says little, and makes the work larger.
    sweeps
        How often the topics that moments give are polished; short texts want more of it than long ones.
    """
    table = read(texts, n_texts)
    train, test = gp.Filter(nw.col("part") == "train")(table), gp.Filter(nw.col("part") != "train")(table)

    # A word is known when it stands in several texts to learn from, and not in more than three of ten.
    limits = {"min_documents": min_documents, "max_documents": 0.3}
    words = gp.Tokenize("text", document="document", stop_words=COMMON.split(), **limits).fit(train)
    counted, held_back = words(train), words(test)  # rows of document, word, count

    fitted = gp.Topics(TensorLDA(n_topics, n_vb=sweeps), document="document").fit(counted, words.vocabulary())

    # Texts that nobody learned from get their shares as well; beside the labels they show which topic is about what.
    shares = gp.Join(on="document")(gp.Drop(["text", "part"])(test), fitted.transform(held_back))
    means = {f"topic_{number}": nw.col(f"topic_{number}").mean() for number in range(1, n_topics + 1)}
    return gp.Pipeline(
        "topics",
        model=fitted,
        words=gp.SortRows(["topic", "rank"])(fitted.topics(n_words=10)),
        shares=shares,
        by_label=gp.SortRows("label")(gp.GroupBy("label", texts=nw.len(), **means)(shares)),
        perplexity=fitted.perplexity(held_back),
        coherence=fitted.coherence(counted),
    )
