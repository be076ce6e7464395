"""A person teaches a model to read digits: each round it asks about the images of which it doubts most what they are.

gpupipe run pipelines/label_digits.py -p store=labels       the first round asks about 20 images at random, and ends
gpupipe label labels                                        answer by keyboard: 0 to 9, backspace takes one back, ? tells the model's guess
gpupipe run pipelines/label_digits.py -p store=labels       learns from the answers, says how well it reads, and asks about 20 more
gpupipe rounds pipelines/label_digits.py --oracle digit --until budget=200 --strategy margin --out rounds       the same with known answers

Repeat the two commands in the middle until it reads well enough. As long as questions wait, a run asks no others. Answers are rows of
``labels/answers``, to which only is added; ``gp.export_labels`` writes them for other tools. The images are scikit-learn's 1,797 digits;
of these a quarter is held out to measure on, and the store refuses to ask about it.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import gpupipe as gp

PIXELS = [f"p{place:02d}" for place in range(64)]


def png(pixels: np.ndarray) -> bytes:
    """Return a PNG of shades of grey, dark on white: what the labelling page shows."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in (255 - pixels * (255 / 16)).astype(np.uint8))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@cache
def digits() -> tuple[pa.Table, pa.Table]:
    """Return the pool and the hold-out. What the images show stands in both, and only measuring and simulations look at it."""
    data = load_digits()
    columns = {"id": pa.array(range(len(data.target)), pa.int64()), "digit": pa.array(data.target, pa.int64())}
    columns |= {"image": pa.array([png(image) for image in data.images], pa.large_binary())}
    table = pa.table({**columns, **{name: data.data[:, place] / 16 for place, name in enumerate(PIXELS)}})
    test = np.arange(len(data.target)) % 4 == 3
    return table.filter(pa.array(~test)), table.filter(pa.array(test))


def pipeline(store: str, strategy: str = "margin", seed: int = 0, n_questions: int = 20) -> gp.Pipeline:
    """Return one round: learn from the answers that there are, and ask about the images that would help most.

    Parameters
    ----------
    store
        Where questions and answers are kept: a folder, or a database.
    strategy
        How images are chosen: margin, entropy, least_confidence, or random.
    seed
        Of what is random.
    n_questions
        How many images a round asks about.
    """
    labels = gp.LabelStore.create(store, range(10), key="integer")
    pool, test = (gp.FromArrow(table).node().named(name) for table, name in zip(digits(), ("pool", "hold-out"), strict=True))
    if not len(labels.held_out()):
        labels.hold_out(digits()[1]["id"])
    ask = gp.AskQuestions(store, image="image", strategy=strategy, seed=seed, budget=n_questions)

    if len(set(labels.labels()["label"].drop_null().to_pylist())) < 2:  # nothing to tell apart yet: images at random
        return gp.Pipeline("label_digits", asked=ask(gp.Choose(n_questions, score=None, seed=seed, keep=["image"])(pool, test)))

    known = gp.ReadLabels(store).node().named("answers")
    exact = gp.Filter(nw.col("state") == "exact")(known)
    train = gp.Join("id")(pool, gp.Select(id=nw.col("example_id"), answer=nw.col("label"))(exact))
    model = gp.Learn(LogisticRegression(C=5, max_iter=1000), features=PIXELS, target="answer").fit(train)
    guessed = gp.Rename(prediction="guess")(model.predict(model.predict_proba(pool)))
    choose = gp.Choose(n_questions, seed=seed, round=labels.next_round, keep=["image", "guess"])
    chosen = choose(gp.Score(strategy)(guessed), known, test)
    return gp.Pipeline(
        "label_digits",
        scores=gp.Evaluate("accuracy", target="digit")(model.predict(test)),
        answers=gp.SortRows("label")(gp.GroupBy("label", images=nw.len())(exact)),
        asked=ask(chosen),
    )
