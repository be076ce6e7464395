"""Partial feedback: questions about sets of classes, what their answers leave possible, and learning from that."""

from gpupipe.active.partial.belief import answered, belief
from gpupipe.active.partial.classifier import PartialLabelClassifier
from gpupipe.active.partial.loss import partial_label_loss, partial_loss
from gpupipe.active.partial.methods import METHODS, Method, ask_round, choose_questions
from gpupipe.active.partial.questions import best_questions, question_scores

__all__ = [
    "METHODS",
    "Method",
    "PartialLabelClassifier",
    "answered",
    "ask_round",
    "belief",
    "best_questions",
    "choose_questions",
    "partial_label_loss",
    "partial_loss",
    "question_scores",
]
