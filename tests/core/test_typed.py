"""Values out of a file against the annotations of the fields they are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pytest

from gpupipe.core.typed import is_of


class Thing:
    """A class of somebody's own."""


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ("x", str),
        (None, str | None),
        (1, int | None),
        (1.5, float),
        (True, bool),
        ((), tuple[int, ...]),
        ((("a", 1),), tuple[tuple[str, Any], ...]),
        ("on", Literal["on", "off"]),
        (Thing(), Thing),
        ((1, "a"), tuple[int, str]),
        (("a",), list[str]),
    ],
)
def test_what_is_so(value: Any, annotation: Any) -> None:
    assert is_of(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, str),
        ("x", int | None),
        (True, int),
        (1, bool),
        ("a", tuple[str, ...]),
        ((1,), tuple[str, ...]),
        ((1, "a", 2), tuple[int, str]),
        ("in", Literal["on"]),
        (1, Literal[True]),
        (print, Callable[..., Any]),
        ("x", Callable[..., Any]),
        ({}, Mapping[str, str]),
        (Thing, Thing),
        ("Thing", Thing),
        (None, Thing),
    ],
)
def test_what_is_not(value: Any, annotation: Any) -> None:
    assert not is_of(value, annotation)
