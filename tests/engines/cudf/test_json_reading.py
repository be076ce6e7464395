"""JSON records read as the device reads them, on NumPy's arrays, held against the host's reader: the same values, or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupipe.engines.cudf.text_plan import NotPlainError
from gpupipe.sources.read_json import ReadJson
from tests.text_on_host import agree, read_so

INTEGERS = ["0", "-0", "1", "-1", "127", "-128", "128", "255", "65535", "4294967295", "9223372036854775807", "-9223372036854775808"]
INTEGERS += ["9223372036854775808", "18446744073709551615", "18446744073709551616", "123456789012345678901234567890"]
FLOATS = ["0.0", "-0.0", "1.5", "0.1", "1e5", "1E-5", "1e+5", "3.14159", "2.5e-8", "1e22", "1e23", "1e99", "1e100", "1e400", "4.35"]
FLOATS += ["0.30000000000000004", "123456789.123456789", "16777217", "16777217.0", "1.00000005960464477539", "9007199254740993"]
FLOATS += ["1e39", "1.0e-99"]
WRONG = ["+1", "01", "-01", ".5", "5.", "1.e5", "1e", "1e+", "-", "--1", "1.2.3", "0x1", "NaN", "Infinity", "1 ", " 1", "  1", "1_0", ""]
WORDS = ["null", "true", "false", "True", "NULL", "nul", "truefalse", "x"]
TEXTS = ['""', '"x"', '"é"', '"😀"', '" a "', '"null"', '"1"', '"a:b"', '"{"', '"}]"', '"a, b"', '"a\tb"', '"a\\nb"', '"\\u00e9"']
TEXTS += ['"\\""', '"x', '"2020-02-29"', '"2020-02-30"', '"2020-02-29T01:02:03"', '"2020-02-29 01:02:03.5"']
TEXTS += ['"2020-02-29 01:02:03.250"', '"01/02/2020"']
NESTED = ["[]", "[1]", "{}", '{"b": 1}', '["x"]', "[1"]
EVERY = [*INTEGERS, *FLOATS, *WRONG, *WORDS, *TEXTS, *NESTED]
WHOLE = [nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64]
DTYPES = [*WHOLE, nw.Float32, nw.Float64, nw.Boolean, nw.String, nw.Date, nw.Datetime("ms"), nw.Datetime("ns")]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_value_alone_is_read_as_on_the_host_or_not_at_all(dtype: Any, tmp_path: Path) -> None:
    plain = 0
    path = tmp_path / "a.jsonl"
    for value in EVERY:
        for line in (f'{{"a": {value}, "b": 1}}', f'{{"b":1,"a":{value}}}', f'{{"c":{value},"b":2}}'):
            path.write_text(line + '\n{"b": null}\n')
            plain += agree(ReadJson(path, schema={"a": dtype, "b": nw.Int64}, nan_as_null=False), tmp_path)
    assert plain >= 50, "hardly anything was read on the device"


KEYS = st.sampled_from(['"a"', '"b"', '"a b"', '"é"', '""', '"\\u0061"', "a", '"a'])
VALUES = st.sampled_from([*WORDS[:3], *INTEGERS[:4], *FLOATS[:4], *TEXTS[:12], *WRONG[:3], *NESTED[:3]])
MARKS = st.sampled_from([", ", ",", ",", ", ", " , ", ",,", "", ":"])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Draw a line that is a record, or nearly one."""
    pairs = draw(st.lists(st.tuples(KEYS, st.sampled_from([": ", ":", ":", " : ", "", "::"]), VALUES), max_size=4))
    text = ""
    for number, (key, colon, value) in enumerate(pairs):
        text += (draw(MARKS) if number else "") + key + colon + value
    before, after = draw(st.sampled_from(["{ }", "{ }", "{ }", "{ },", " { }", "{ ", "[{ }]", "{{ }"])).rsplit(" ", 1)
    return before + text + after


NUMBER = st.one_of(st.none(), st.integers(-5, 5))
GOOD = st.fixed_dictionaries({}, optional={"a": NUMBER, "b": st.text("x é:{,", max_size=4), "z": st.booleans()})
WRITTEN = st.one_of(GOOD.map(json.dumps), GOOD.map(lambda row: json.dumps(row, ensure_ascii=False)), lines())


@given(
    written=st.lists(WRITTEN, min_size=1, max_size=5),
    line=st.sampled_from(["\n", "\n", "\r\n", "\n\n"]),
    ended=st.booleans(),
    n_block_bytes=st.sampled_from([24, 60, 1 << 20]),
)
@settings(max_examples=600)
def test_awkward_records_are_read_as_on_the_host_or_not_at_all(
    written: list[str], line: str, ended: bool, n_block_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("awkward")
    (folder / "a.jsonl").write_bytes((line.join(written) + line * ended).encode())
    agree(ReadJson(folder / "a.jsonl", schema={"a": nw.Int64, "b": nw.String, "a b": nw.Float64}), folder, n_block_bytes)


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@settings(max_examples=200)
def test_floats_as_programs_write_them(numbers: list[float], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("floats")
    (folder / "a.jsonl").write_text("".join(json.dumps({"f": number, "g": number}) + "\n" for number in numbers))
    plain = agree(ReadJson(folder / "a.jsonl", schema={"f": nw.Float64, "g": nw.Float32}), folder)
    assert plain or any(abs(number) >= 1e100 or 0 < abs(number) < 1e-99 for number in numbers)


def test_clean_records_are_read_in_blocks_of_any_size(tmp_path: Path) -> None:
    rows = [
        {"i": n, "f": n / 7, "s": f"t {n}, é: {{", "d": f"2020-01-{n % 28 + 1:02}", "t": f"2020-01-01T00:00:{n % 60:02}", "x": None}
        for n in range(500)
    ]
    kept = [{key: value for key, value in row.items() if (row["i"] + len(key)) % 3 or key == "t"} for row in rows]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept))
    schema = {"i": nw.Int64, "f": nw.Float64, "s": nw.String, "d": nw.Date, "t": nw.Datetime("us"), "none": nw.Int8}
    for n_block_bytes in (150, 997, 1 << 20):
        assert agree(ReadJson(path, schema=schema), tmp_path, n_block_bytes)


def test_an_array_of_records_and_a_packed_file_become_plain_lines_first(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"a": 1, "s": "x"}, {"a": None}], indent=2))
    assert read_so(ReadJson(tmp_path / "a.json"), tmp_path) == {"a": [1, None], "s": ["x", None]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "b": "\\n"}\n', "there is an escape in a text"),
        ('{"a":\t1}\n', "there is a tab or another character that is no text"),
        ('{"a": 1}\n\n{"a": 2}\n', "a line is no record"),
        ('{"a": 1},\n', "a line does not begin and end with its record"),
        ('{"a": [1]}\n', "a value is a list or a record"),
        ('{"a": 1}{"a": 2}\n', "a value is a list or a record"),
        ('{"a": 1 "b": 2}\n', "a record has other separators than one colon for each key, and commas between them"),
        ('{"a" : 1}\n', "a key is no plain text"),
        ('{"a: 1, "b}\n', "a record has no key"),
        ('{"a": 01}\n', "a value is no plain text, number or word"),
        ('{"a": 1, "b": tru}\n', "a value is no plain text, number or word"),
        ('{"a": 1, "a": 2}\n', "a record has the key 'a' twice"),
        ('{"a": "x"}\n', "in column 'a', a value is text"),
        ('{"a": 1.5}\n', "in column 'a', a value is no plain int64"),
        ('{"a": 1, "b": 2}\n', "in column 'b', a value is no text"),
        (b'{"a": 1, "b": "\xfc"}\n', "there are bytes that are no UTF-8"),
    ],
)
def test_what_is_not_plain_is_left_to_the_host(text: str | bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(NotPlainError, match=said):
        read_so(ReadJson(tmp_path / "a.jsonl", schema={"a": nw.Int64, "b": nw.String}), tmp_path)
