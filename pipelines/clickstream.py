"""From clicks to purchases: what a graph of items adds to a model of visits.

Clicks become visits, visits become features. Items that are clicked in one visit are joined, and that graph says which items belong
together and which are central. A model with what the graph says stands beside one without::

    gpupipe run pipelines/clickstream.py --report report

The clicks are made up (`made_up`), so that it runs anywhere: visitors look for things of one kind, and buy when they stay with it.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from xgboost import XGBClassifier

import gpupipe as gp

VISIT_SECONDS = 30 * 60  # a longer pause begins a new visit
PLAIN = ["clicks", "items", "seconds"]
OF_GRAPH = ["communities", "rank_mean", "rank_max"]


def pipeline(n_visitors: int = 3_000, seed: int = 0, n_estimators: int = 100) -> gp.Pipeline:
    """Return the pipeline.

    Parameters
    ----------
    n_visitors
        How many visitors are made up; each comes a few times.
    """
    clicks = gp.FromArrow(made_up(n_visitors, seed)).node().named("clicks") >> in_visits
    plain = visit_features(clicks)

    # Items are joined where visits share them. Visits of very many items join everything with everything, and are left out.
    graph = gp.Project("item", "visit", max_degree=50)(clicks)
    ranks, communities = gp.PageRank()(graph), gp.Leiden(seed=1)(graph)
    items = gp.Join(on="item")(ranks, communities)

    # What the graph says of a visit: how many kinds of things were looked at, and how central they are.
    looked = gp.Join(on="item")(clicks, items)
    by_visit = gp.GroupBy(
        "visit", communities=nw.col("community").n_unique(), rank_mean=nw.col("pagerank").mean(), rank_max=nw.col("pagerank").max()
    )(looked)
    visits = gp.Join(on="visit")(plain, by_visit)

    train, test = gp.Split(fractions=(0.7, 0.3), by="visitor", seed=3)(visits)
    scores, models = {}, {}
    for name, features in {"without graph": PLAIN, "with graph": PLAIN + OF_GRAPH}.items():
        model = gp.Learn(XGBClassifier(n_estimators=n_estimators, max_depth=4), target="bought", features=features).fit(train)
        models[name] = model.named(name)
        scores[name] = gp.Evaluate(["roc_auc", "log_loss"], target="bought")(model.predict_proba(test))
    return gp.Pipeline("clickstream", scores=scores, items=gp.SortRows("pagerank", descending=True, limit=10)(items), models=models)


@gp.by_key("visitor")
def in_visits(frame: nw.LazyFrame) -> nw.LazyFrame:
    """Return the clicks with the number of their visit: a visitor's clicks without a long pause between them."""
    pause = nw.col("second").diff().over("visitor", order_by="second").fill_null(VISIT_SECONDS + 1)
    begins = frame.with_columns(begins=(pause > VISIT_SECONDS).cast(nw.Int64))
    numbered = begins.with_columns(number=nw.col("begins").cum_sum().over("visitor", order_by="second"))
    return numbered.with_columns(visit=nw.col("visitor") * 1_000 + nw.col("number")).drop("begins", "number")


@gp.by_key("visit")
def visit_features(frame: nw.LazyFrame) -> nw.LazyFrame:
    """Return a row for each visit: how many clicks and items, how long, and whether something was bought."""
    made = frame.group_by("visit").agg(
        nw.len().alias("clicks"),
        nw.col("item").n_unique().alias("items"),
        nw.col("second").max().alias("last"),
        nw.col("second").min().alias("first"),
        nw.col("bought").max(),
        nw.col("visitor").min(),
    )
    return made.with_columns(seconds=nw.col("last") - nw.col("first")).drop("first", "last")


def made_up(n_visitors: int, seed: int) -> pa.Table:
    """Return clicks: visitor, second, item, and whether the visit ended with a purchase.

    Items are of twenty kinds. In a visit a visitor stays with one kind or roams; who stays is the more likely to buy.
    """
    random = np.random.default_rng(seed)
    n_kinds, n_of_kind = 20, 15
    columns: dict[str, list[np.ndarray]] = {"visitor": [], "second": [], "item": [], "bought": []}
    for visitor in range(n_visitors):
        start = 0
        for _ in range(random.integers(1, 4)):
            n_clicks, stays = int(random.integers(2, 12)), bool(random.random() < 0.5)
            kinds = np.full(n_clicks, random.integers(n_kinds)) if stays else random.integers(0, n_kinds, n_clicks)
            bought = int(random.random() < (0.55 if stays else 0.1) + 0.01 * n_clicks)
            seconds = start + np.cumsum(random.integers(5, 300, n_clicks))
            columns["visitor"].append(np.full(n_clicks, visitor))
            columns["second"].append(seconds)
            columns["item"].append(kinds * n_of_kind + random.geometric(0.2, n_clicks).clip(max=n_of_kind) - 1)
            columns["bought"].append(np.full(n_clicks, bought))
            start = int(seconds[-1]) + int(random.integers(2, 48)) * 3600
    return pa.table({name: np.concatenate(parts).astype(np.int64) for name, parts in columns.items()})
