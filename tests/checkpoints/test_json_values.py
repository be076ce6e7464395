"""Values as JSON: everything comes back as it was, or is refused."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import zoneinfo
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.checkpoints.json_values import from_json, to_json
from gpupipe.core.errors import ArtefactError
from gpupipe.models.evaluate import Scores

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.datetimes() | st.timedeltas()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner))


def _again(value: Any) -> Any:
    return from_json(json.loads(json.dumps(to_json(value), allow_nan=False)))


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    assert repr(_again(value)) == repr(value)  # repr: NaN equals nothing, and 1 equals True


@pytest.mark.parametrize(
    "value", [np.float32(1.5), np.float64("nan"), np.int8(3), np.bool_(True), np.datetime64("2020-01-02"), np.str_("ä")]
)
def test_scalars_of_numpy_keep_their_dtype(value: Any) -> None:
    again = _again(value)
    assert type(again) is type(value)
    assert repr(again) == repr(value)


def test_arrays_scores_and_curves_come_back() -> None:
    array = _again(np.array([[1.0, math.nan]], dtype=np.float32))
    assert array.dtype == np.float32
    assert repr(array) == repr(np.array([[1.0, math.nan]], dtype=np.float32))
    array[0, 0] = 2.0  # it may be changed, as the first one could
    scores = Scores({"roc_auc": 0.5, "log_loss": math.nan}, ({"kind": "roc", "x": [0.0, 1.0], "y": [0.0, 1.0], "auc": 0.5},))
    again = _again(scores)
    assert type(again) is Scores
    assert repr(again) == repr(scores)
    assert again.curves == scores.curves
    for zone in (dt.UTC, zoneinfo.ZoneInfo("Europe/Berlin")):
        for fold in (0, 1):
            moment = dt.datetime(2020, 10, 25, 2, 30, tzinfo=zone, fold=fold)
            assert repr(_again(moment)) == repr(moment)
    assert _again(decimal.Decimal("1.10")).as_tuple() == decimal.Decimal("1.10").as_tuple()


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, np.array([None]), dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))), print, Exception("x")]
)
def test_what_json_would_not_give_back_is_refused(value: Any) -> None:
    with pytest.raises(ArtefactError, match="Only those are kept as values"):
        to_json([value])


def test_a_kind_from_another_version_is_refused() -> None:
    with pytest.raises(ArtefactError, match="got 'tensor'"):
        from_json({"tensor": []})


@pytest.mark.parametrize(
    "held",
    [
        {},
        {"a": 1, "b": 2},
        [],
        1.5,
        {"float": "x"},
        {"float": "0x1p99999"},
        {"float": 3},
        {"numpy": ["O", ""]},
        {"numpy": ["<f8", "!"]},
        {"numpy": ["<f8"]},
        {"numpy": ["<f8,<i4", "AAAA"]},
        {"array": ["<f8", [1 << 60], "AAAA"]},
        {"array": ["|O", [1], "AAAAAAAAAAA="]},
        {"list": 3},
        {"dict": [[1]]},
        {"dict": [[{"list": []}, 1]]},
        {"scores": [1]},
        {"scores": [1, 2, 3]},
        {"datetime": ["x", 0, ""]},
        {"datetime": ["2020-01-01", 9, ""]},
        {"datetime": ["2020-01-01", 0, "../../etc/passwd"]},
        {"timedelta": [10**30, 0, 0]},
        {"decimal": "x"},
        {"bytes": 3},
        {"date": ["2020-01-01"]},
        {"Popen": ["x"]},
    ],
    ids=str,
)
def test_what_was_not_kept_is_refused(held: Any) -> None:
    with pytest.raises(ArtefactError):
        from_json(held)


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    held: Any = 1
    for _ in range(100_000):
        held = {"list": [held]}
    with pytest.raises(ArtefactError, match="RecursionError"):
        from_json(held)
