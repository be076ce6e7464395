"""Secrets: text that works and prints masked, and what is found in other people's text."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import re
import shlex
import time
import unicodedata
import urllib.parse
from collections.abc import Callable
from typing import Any

import markupsafe
import pytest

import gpupipe as gp
from gpupipe.core.errors import GpupipeError
from gpupipe.core.secret import MASK, hide, is_secret_name, learn, learn_parameters, masked, masked_parameters, masked_word


def test_a_secret_works_as_text_and_prints_masked() -> None:
    secret = gp.Secret("zq-core 1")
    assert secret == "zq-core 1" and hash(secret) == hash("zq-core 1") and secret + "!" == "zq-core 1!"
    assert f"{secret}:{secret:>12}" == "zq-core 1:   zq-core 1"
    assert "".join([secret, "/"]) == "zq-core 1/" and secret.encode() == b"zq-core 1" and urllib.parse.quote(secret) == "zq-core%201"
    for shown in (str(secret), repr(secret), f"{secret!s}", repr([secret]), str({"a": secret}), f"{secret!r}"):
        assert "zq" not in shown and MASK in shown
    for again in (pickle.loads(pickle.dumps(secret)), copy.deepcopy(secret), gp.Secret(secret)):
        assert type(again) is gp.Secret
        assert again + "" == "zq-core 1"


def test_a_known_value_is_masked_in_every_form() -> None:
    word = "zq \"p@ss' <&\\ä;"
    hide(word)
    forms = [
        word,
        repr(word),
        json.dumps(word),
        json.dumps(word, ensure_ascii=False),
        html.escape(word),
        shlex.quote(word),
        shlex.join(["a", word]),
    ]
    forms += [urllib.parse.quote(word), urllib.parse.quote(word, safe=""), urllib.parse.quote_plus(word), word.replace("'", "''")]
    for form in forms:
        assert "zq" not in masked(f"before {form} after"), form
        assert masked(f"before {form} after").startswith("before ")
    assert masked({"x": (1, [f"a{word}b"])}) == {"x": (1, [f"a{MASK}b"])}
    with pytest.raises(GpupipeError) as caught:
        raise GpupipeError(f"cannot open {word}")
    caught.value.add_note(f"with {word}")
    assert "zq" not in f"{caught.value}{caught.value.__notes__}"


def test_short_values_are_not_found_in_every_other_word() -> None:
    hide("abc")
    hide("zqx1")
    assert masked("abcdef abc") == "abcdef abc"
    assert masked("zqx12 zqx1") == f"zqx12 {MASK}"
    learn_parameters({"password": "zqd", "n": 3})
    assert masked_parameters({"password": "zqd", "n": 3}) == {"password": MASK, "n": 3}


def test_what_is_secret_in_a_parameter_is_known_by_itself() -> None:
    learn("postgresql://me:it's zq%2Fone@host/db?sslpassword=zq+two&n=1")
    learn(["host=h password='zq three''s' user=me"])
    for text in ("it's zq%2Fone", "it's zq/one", "zq two", "zq three's"):
        assert "zq" not in masked(f"got {text} from the server"), text


VALUE = "Zq8vR2kLm9"


@pytest.mark.parametrize(
    "text",
    [
        f"https://hooks.slack.com/services/T000/B000/{VALUE}{VALUE}",
        f"AIza{VALUE * 4}"[:39],
        f"npm_{VALUE * 4}"[:40],
        f"hf_{VALUE * 4}"[:37],
        f"sk_live_{VALUE * 3}",
        f"rk_test_{VALUE * 3}",
        f"SG.{VALUE * 2}.{VALUE * 4}",
        f"pypi-AgE{VALUE * 6}",
        f"xapp-1-{VALUE}-{VALUE}",
        f"ya29.{VALUE * 3}",
        f"curl -u user:{VALUE} https://h",
        f"X-Auth-Token: {VALUE}",
        f"Cookie: sid={VALUE}; more={VALUE}",
        f"Set-Cookie: {VALUE}",
        f"Authorization: token {VALUE}",
        f"proxy-authorization: Digest username=x, response={VALUE}",
        f"psql --password {VALUE} -h x",
        f"tool --api-key '{VALUE}' x",
        f"<password>{VALUE}</password>",
        f"<client.secret>a {VALUE} b</client.secret>",
        f"https://h/?x=password%3D{VALUE}",
    ],
)
def test_more_places_where_secrets_stand(text: str) -> None:
    assert VALUE not in masked(text) and MASK in masked(text)
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize(
    "form",
    [
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(f"u:{text}".encode()).decode(),
        lambda text: base64.urlsafe_b64encode(f"me:{text}".encode()).decode(),
        lambda text: re.sub("%..", lambda found: found[0].lower(), urllib.parse.quote(text)),
        lambda text: repr(repr(text)),
        lambda text: repr(text.encode()),
        ascii,
        lambda text: str(markupsafe.escape(text)),
        lambda text: unicodedata.normalize("NFD", text),
    ],
)
def test_a_known_value_is_masked_in_forms_that_libraries_give_it(form: Callable[[str], str]) -> None:
    for text in ("hunter2 & 'q\"x\\é日", "abcdefghi", "it's zq%2Fone"):
        hide(text)
        told = masked(f"x {form(text)} y")
        assert MASK in told and form(text)[4:-4] not in told


@pytest.mark.parametrize(
    "text",
    [
        "--checkpoints kept --report rep",
        "<b>bold</b> and a < b > c",
        "-u 3",
        "sk_test of a name",
        "hf_small npm_x",
        "Unexpected token: }",
        "column 'key': 3",
        "sort_key=3",
        "n_tokens=5",
        "https://host:8080/a?x=b@c",
        "s3://bucket/key",
        "abfs://cont@acc.dfs/x",
        "expected password, got none",
        "ssh://git@host/x",
        "a@b.c",
        "x: y",
        "passes=3",
        "The author=me",
        "data/key=4/part.parquet",
        "12:30:01",
        "p=0.5",
    ],
)
def test_what_is_no_secret_is_left(text: str) -> None:
    assert masked(text) == text


def test_masking_twice_changes_nothing_more() -> None:
    for text in (
        "PASSWORD='a b' x",
        "ftp://u:p@h/?sig=a&b=c",
        "{'token': 'x', \"pwd\": \"y\"}",
        "Pwd={a;b};x",
        "Authorization: Basic abcdefgh==",
    ):
        assert masked(masked(text)) == masked(text) != text


def test_words_of_a_command() -> None:
    assert masked_word("password=a b&c;d 'e'") == f"password={MASK}"
    assert masked_word("mine=a b", {"mine"}) == f"mine={MASK}"
    assert masked_word("-ptoken=x") == f"-ptoken={MASK}"
    assert masked_word("n=3") == "n=3"


@pytest.mark.parametrize(
    "name",
    ["password", "PASSWD", "db_pwd", "apiKey", "api_key", "accessToken", "client_secret", "SAS", "dsn", "aws_secret_access_key", "pw"],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


def test_the_reports_own_words_stay() -> None:
    hide("pandas")
    assert masked({"engine": "pandas", "text": "on pandas"}) == {"engine": "pandas", "text": f"on {MASK}"}


@pytest.mark.parametrize(
    "text", ["x" * 10**6, "a." * 10**5, "password=" + "'" * 10**5, "a://b:" * 10**4, "a=" * 10**5, "password='" * 10**4]
)
def test_no_text_takes_longer_than_its_length_allows(text: Any) -> None:
    started = time.process_time()
    masked(text)
    assert time.process_time() - started < 10
