"""Distributions over classes: what several annotators' votes say of an example beyond which class most of them give."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.active import belief
from gpupipe.active.consensus import dawid_skene, vote_counts
from gpupipe.active.scheme import CLASS
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import UsageError, listing

_RULES = ("dawid_skene", "shares")


def label_distribution(store: LabelStore, rule: Literal["dawid_skene", "shares"] = "dawid_skene") -> tuple[pa.Array, np.ndarray]:
    """Return the examples with votes for a class, in the order of keys, and the probability of each class, [n_examples, n_classes].

    Classes that other answers exclude have none; where that would leave nothing, the votes alone count.

    Parameters
    ----------
    rule
        ``"dawid_skene"``: annotators are weighed by how well they know each class; ``"shares"``: each vote counts as much.

    Raises
    ------
    UsageError
        The rule is unknown, or nobody has voted.

    Examples
    --------
    >>> import tempfile
    >>> store = LabelStore.create(tempfile.mkdtemp(), ["cat", "dog"])
    >>> _ = store.ask({"example_id": ["a"]}, round=0, annotators=3)
    >>> said = {"annotator": ["ann", "bob", "cid"], "answer": ["cat", "cat", "dog"]}
    >>> _ = store.append({"example_id": ["a"] * 3, "question": ['{"kind":"class"}'] * 3, **said})
    >>> label_distribution(store, "shares")[1].round(3).tolist()
    [[0.667, 0.333]]
    """
    if rule not in _RULES:
        raise UsageError(f"Expected rule to be one of {listing(_RULES)}, got {rule!r}.")
    votes = store.votes()
    if not votes.num_rows:
        raise UsageError(f"Expected votes for classes in {store.place}, got none. Ask which class an example is.")
    ids = pc.unique(votes["example_id"]).sort()
    example = np.asarray(pc.index_in(votes["example_id"], value_set=ids).to_numpy(), dtype=np.int64)
    names = pc.unique(votes["annotator"])
    annotator = np.asarray(pc.index_in(votes["annotator"], value_set=names).to_numpy(), dtype=np.int64)
    label = np.array([store.scheme.position(one) for one in votes["label"].to_pylist()], dtype=np.int64)
    n_classes = len(store.scheme.classes)
    counts = vote_counts(example, label, len(ids), n_classes)
    made = dawid_skene(example, annotator, label, len(ids), len(names), n_classes).posterior if rule == "dawid_skene" else counts
    about_sets = belief.live(store.answers()).filter(pc.field("question") != CLASS)
    left = made * belief.believe(about_sets, store.scheme, ids)[0].possible
    left = np.where(left.sum(axis=1, keepdims=True) > 0, left, made)
    return ids, left / left.sum(axis=1, keepdims=True)
