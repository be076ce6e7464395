"""What a label store records of a round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, eq=False)
class Round:
    """What is recorded of a round before anybody is asked, and its questions.

    Parameters
    ----------
    number, part
        Its number, from 0 on; a round that asks in several batches has several parts.
    record
        What it was made with: ``seed``, ``model`` (the address of the model that scored the pool), ``pool`` (the pool's fingerprint),
        ``strategy``, ``budget``, ``annotators``, ``asked_at``.
    questions
        ``question_id``, ``example_id``, ``question``, ``score``, ``cost``, ``guess`` and others: the selection.
    """

    number: int
    part: int
    record: Mapping[str, Any]
    questions: pa.Table
