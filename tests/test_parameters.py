from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Optional

import pytest

from gpupipe.core.errors import UsageError
from gpupipe.parameters import bind, read_parameters


def of(annotation: Any, *texts: str) -> Any:
    def function(x: Any) -> None: ...

    function.__annotations__["x"] = annotation
    return bind(read_parameters(function), [f"x={text}" for text in texts])["x"]


@pytest.mark.parametrize(
    ("annotation", "texts", "value"),
    [
        (int, ["1_000"], 1000),
        (int, ["-3"], -3),
        (float, ["1e3"], 1000.0),
        (str, ["a=b,c"], "a=b,c"),
        (str, [""], ""),
        (bool, ["Yes"], True),
        (bool, ["0"], False),
        (Path, ["a/b"], Path("a/b")),
        (Optional[int], ["none"], None),  # noqa: UP045  (an annotation that users write)
        (int | None, ["4"], 4),
        (str | None, [""], None),
        (Path | None, ["x"], Path("x")),
        (Literal["a", 2], ["2"], 2),
        (list[str], ["a,b", "c"], ["a", "b", "c"]),
        (list[int], ["1, 2"], [1, 2]),
        (list[str], [""], []),
        (tuple[float, ...], ["0.5,0.5"], (0.5, 0.5)),
        (Sequence[Path], ["a"], [Path("a")]),
        (str | Sequence[str], ["a,b"], "a,b"),
        (str | Sequence[str], ["a", "b"], ["a", "b"]),
        (int | float | str, ["0.5"], 0.5),
        (int | str, ["x"], "x"),
    ],
)
def test_values_are_what_the_annotation_says(annotation: Any, texts: list[str], value: Any) -> None:
    made = of(annotation, *texts)
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("annotation", "texts", "told"),
    [
        (int, ["1.5"], "Parameter 'x' expects a whole number, got '1.5'."),
        (int, ["1", "2"], "got '1', '2'. It takes one value: give it once."),
        (float, ["x"], "expects a number, got 'x'"),
        (bool, ["maybe"], "expects true or false, got 'maybe'"),
        (int | None, ["x"], "expects a whole number or none, got 'x'"),
        (list[int], ["1,x"], "expects a list of whole number, got '1,x'"),
        (Literal["a", "b"], ["c"], "expects 'a' or 'b', got 'c'"),
        (dict[str, int], ["x"], "expects dict"),
    ],
)
def test_other_values_are_refused(annotation: Any, texts: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        of(annotation, *texts)
    assert told in str(caught.value)


def test_names_are_checked_and_hyphens_are_underscores() -> None:
    def function(n_rows: int = 1, *rest: int, flag=True, **more: str) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    parameters = read_parameters(function)
    assert [(one.name, one.type_text) for one in parameters] == [("n_rows", "whole number"), ("flag", "true or false")]
    assert bind(parameters, ["n-rows=2"]) == {"n_rows": 2}
    with pytest.raises(UsageError, match=r"Write: -p n_rows=\.\.\."):
        bind(parameters, ["n_rows"])
    with pytest.raises(UsageError, match="The pipeline has no parameters"):
        bind([], ["a=1"])


def wrong_annotation(x: "NoSuchName") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037


def positional(x: int, /) -> None: ...


@pytest.mark.parametrize(("function", "told"), [(wrong_annotation, "TYPE_CHECKING"), (positional, "Take the '/' out")])
def test_functions_that_cannot_be_called_by_name_are_refused(function: Callable[..., Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_parameters(function)
    assert told in str(caught.value)
