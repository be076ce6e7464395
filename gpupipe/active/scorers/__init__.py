"""Acquisition functions: how much each row is worth asking, the higher the sooner. Class-major arrays in, an array out."""

from gpupipe.active.scorers.bald import bald
from gpupipe.active.scorers.cost_aware import cost_aware
from gpupipe.active.scorers.density import density
from gpupipe.active.scorers.entropy import entropy
from gpupipe.active.scorers.gradient_length import gradient_length
from gpupipe.active.scorers.least_confidence import least_confidence
from gpupipe.active.scorers.margin import margin
from gpupipe.active.scorers.mean_kl import mean_kl
from gpupipe.active.scorers.power import power
from gpupipe.active.scorers.random_order import random_order
from gpupipe.active.scorers.sequences import mnlp, sequence_confidence, sequence_disagreement
from gpupipe.active.scorers.variance import variance
from gpupipe.active.scorers.variation_ratio import variation_ratio
from gpupipe.active.scorers.vote_entropy import vote_entropy

__all__ = [
    "bald",
    "cost_aware",
    "density",
    "entropy",
    "gradient_length",
    "least_confidence",
    "margin",
    "mean_kl",
    "mnlp",
    "power",
    "random_order",
    "sequence_confidence",
    "sequence_disagreement",
    "variance",
    "variation_ratio",
    "vote_entropy",
]
