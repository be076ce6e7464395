"""Selectors: from scores, embeddings and costs to places of rows, within a budget."""

from gpupipe.active.selectors.badge import badge
from gpupipe.active.selectors.k_center import k_center
from gpupipe.active.selectors.ranked_batch import ranked_batch
from gpupipe.active.selectors.representatives import representatives
from gpupipe.active.selectors.seed_round import seed_round
from gpupipe.active.selectors.top import top, top_budget

__all__ = ["badge", "k_center", "ranked_batch", "representatives", "seed_round", "top", "top_budget"]
