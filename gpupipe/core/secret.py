"""Secrets: text that works as it is and prints as ``***``, and the one function through which everything passes that leaves a run.

What is secret is known in three ways: somebody said so (`Secret`, or a parameter with the name of a secret); it stands where secrets stand,
in an address or behind a name; or it looks like nothing else. The values that are known are looked for in everything that is printed or
written, as they are and as quoting makes them, since an error of a library may have them anywhere.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
import unicodedata
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

MASK = "***"
LEAST_CHARS = 4  # shorter ones would be found in every other word
_BOUND_CHARS = 8  # up to here, letters and digits are looked for as whole words
_STRONG = re.compile(r"passw(or)?d|passphrase|secret|credential|apikey|pwd$|connectionstring|connstr")
_LAST = ("token", "pass", "pw", "auth", "authorization", "sig", "signature", "sas", "dsn", "key")
_KEYS = ("api", "access", "private", "account", "shared", "encryption", "storage", "auth", "signing", "subscription", "ssh", "master")
_PLAIN = frozenset((int, float, bool, type(None)))
# The report's own words, which stay even where somebody's password is one of them.
_OWN_WORDS = frozenset(("status", "engine", "kind", "checkpoint", "direction", "policy", "state", "id", "address"))

# Every repetition has a bound, so that no text takes longer than its length allows.
_SCHEME = r"(?<![A-Za-z0-9+.\-])[A-Za-z][A-Za-z0-9+.\-]{0,40}://"
_USER = re.compile(
    rf"({_SCHEME}[^\s'\"<>@/:]{{0,256}}):(?!\d{{1,5}}(?:[/?#\s'\"]|$))(?:[^\s'\"<>]{{0,1024}}|\S{{0,256}}?)@",
)
_LONE_USER = re.compile(r"(?<![A-Za-z])((?:https?|git)://)[^\s'\"<>@/:]{1,2048}@")
_ORACLE = re.compile(r"(jdbc:oracle:\w{1,20}:[^\s/@]{1,256})/\S{1,256}?@")
_NAME = re.compile(r"(?<![\w.\-])-{0,2}(?P<name>[A-Za-z_][\w.\-]*)\\?[\"']?(?P<sign>\s{0,9}(?:=>|:=|=|:|%3[dD])\s{0,9})")
_VALUE = re.compile(
    r"(?P<mark>\\?[\"'])(?P<word>(?:[^\"'\\]|\\.|''|(?!(?P=mark))[\"'])*)(?P=mark)"
    r"|\{(?P<inner>[^}]*)\}|(?P<plain>[^\s&;'\"<>]+)"
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~\-]{8,}")
_SHAPES = re.compile(
    r"\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[abpr]-[\w-]{10,}|\bglpat-[\w-]{16,}|\bsk-[\w-]{20,}"
    r"|\bAIza[\w-]{30,}|\b(?:npm|hf|dop_v1)_[A-Za-z0-9]{30,}|\b[prs]k_(?:live|test)_\w{16,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|\bpypi-[\w-]{32,}|\bxapp-[\w-]{16,}|\bya29\.[\w-]{20,}|(?<=hooks\.slack\.com/services/)[\w/]{16,}"
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
# One of these is in every text that the expressions above change. Most texts of a report hold none, and a wide table has many.
_SUSPECT = re.compile(
    r"[:=<]|Bearer|Basic|gh[pousr]_|github_pat_|xox[abpr]-|glpat-|sk-|eyJ|-----BEGIN |AIza|npm_|hf_|dop_v1_|k_live_|k_test_|SG\.|pypi-"
    r"|xapp-|ya29\.|slack\.com|--[A-Za-z]|-u |%3[dD]"
)
# A value behind an option of a command, of curl's for a user, and in an element of XML.
_OPTION = re.compile(r"(?<![\w-])(--(?P<name>[A-Za-z][\w\-]{0,64})\s+)(?![-\s])(?P<value>\"[^\"]{0,1024}\"|'[^']{0,1024}'|\S{1,1024})")
_CURL = re.compile(r"(?<!\S)(-u\s+[^\s:]{1,256}:)\S{1,1024}")
_HEADER = re.compile(r"(?i)\b((?:proxy-)?authorization\s{0,9}:\s{0,9}[a-z][\w-]{0,20}\s|(?:set-)?cookie\s{0,9}:)\s{0,9}[^\r\n\"']{1,4096}")
_ELEMENT = re.compile(r"(<(?P<name>[A-Za-z][\w.\-]{0,64})>)[^<]{1,1024}(?=</(?P=name)>)")


class Secret(str):
    """Text that a pipeline's function gets as it is, and that prints as ``***``: the annotation of a parameter that nobody is to see.

    It is text for whoever is passed it, and in f-strings; `str`, `repr`, `print` and ``%s`` show the mask. Its value is looked for, and
    masked, in all that a run of it leaves.

    Examples
    --------
    >>> password = Secret("correct horse")
    >>> print(password, [password])
    *** ['***']
    >>> f"{password}/" == "correct horse/", password.startswith("correct")
    (True, True)
    """

    __slots__ = ()

    def __new__(cls, text: str = "") -> Secret:
        """Return the secret text, known as such from now on."""
        made = super().__new__(cls, str.__str__(text))
        hide(made)
        return made

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return repr(MASK)

    def __format__(self, spec: str) -> str:
        return format(str.__str__(self), spec)

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (str.__str__(self),)


class _Known:
    """The values that are known to be secret in this process, and the expression that finds them."""

    def __init__(self) -> None:
        self.forms: set[str] = set()
        self.found: re.Pattern[str] | None = None
        self.lock = threading.Lock()

    def add(self, text: str) -> None:
        """Look for a value from now on, in each of the forms that quoting gives it."""
        forms = {text, repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], html.escape(text)}
        forms |= {urllib.parse.quote(text, safe=""), urllib.parse.quote(text), urllib.parse.quote_plus(text), urllib.parse.unquote(text)}
        forms |= {text.replace("'", "'\"'\"'"), text.replace("'", "''"), text.replace("\\", "\\\\"), text.strip()}
        forms |= {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in forms if "%" in form}
        forms |= {ascii(text)[1:-1], repr(text.encode(errors="surrogatepass"))[2:-1], html.escape(text).replace("&#x27;", "&#39;")}
        forms |= {html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"), repr(repr(text))[2:-2]}
        forms |= {unicodedata.normalize(form, text) for form in ("NFC", "NFD")} | _in_base64(text)
        new = {form for form in forms if len(form) >= LEAST_CHARS and form.strip("*")} - self.forms
        if new:
            with self.lock:
                self.forms |= new
                self.found = re.compile("|".join(map(_expression, sorted(self.forms, key=lambda form: (-len(form), form)))))


def _in_base64(text: str) -> set[str]:
    """Return the text in base64 where it is long enough to be found there, as of a header; of both alphabets, whatever stands before it."""
    content = text.encode(errors="surrogatepass")
    if len(content) < _BOUND_CHARS:
        return set()
    found = set()
    for n_before in range(3):  # three bytes are four letters, of which those at the ends hold bits of what stands beside
        letters = base64.b64encode(b"\0" * n_before + content).decode().rstrip("=")
        cut = letters[(0, 2, 3)[n_before] : len(letters) - (1 if (n_before + len(content)) % 3 else 0)]
        found |= {cut, cut.replace("+", "-").replace("/", "_")}
    return found


def _expression(form: str) -> str:
    """Return the expression that finds a value: a short word only by itself."""
    escaped = re.escape(form)
    return rf"(?<![A-Za-z0-9]){escaped}(?![A-Za-z0-9])" if len(form) < _BOUND_CHARS and form.isalnum() else escaped


_known = _Known()


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a parameter, or whatever else a name stands before, is called as secrets are.

    Examples
    --------
    >>> [is_secret_name(name) for name in ("password", "PGPASSWORD", "db-pwd", "apiKey", "access_token", "sig", "X-Amz-Signature")]
    [True, True, True, True, True, True, True]
    >>> [is_secret_name(name) for name in ("key", "n_tokens", "sort_key", "author", "passes", "design", "tokenizer")]
    [False, False, False, False, False, False, False]
    """
    parts = [part.lower() for part in re.split(r"[_.\-]+|(?<=[a-z0-9])(?=[A-Z])", name) if part]
    if not parts:
        return False
    if _STRONG.search("".join(parts)):
        return True
    return (parts[-1] in _LAST and (parts[-1] != "key" or (len(parts) > 1 and parts[-2] in _KEYS))) or parts[-2:] == ["access", "key"]


def hide(value: Any) -> None:
    """Mask a value wherever it comes up from now on; of a sequence, each of its parts."""
    if isinstance(value, str):
        _known.add(str.__str__(value))
    elif isinstance(value, list | tuple):
        for part in value:
            hide(part)
    elif type(value) in (int, float):
        _known.add(str(value))


def learn(value: Any) -> None:
    """Hide what stands in a value where secrets stand: in an address, or behind the name of a secret."""
    if isinstance(value, list | tuple):
        for part in value:
            learn(part)
    if not isinstance(value, str):
        return
    text = str.__str__(value)
    whole = re.match(rf"\s*{_SCHEME}[^@/:]*:(?!\d{{1,5}}(?:[/?#]|$))(?P<word>.*)@", text, re.DOTALL)
    if whole is not None:
        hide(whole["word"])
        hide(urllib.parse.unquote(whole["word"]))
    for found in _secret_values(text):
        word = next(part for part in (found["word"], found["inner"], found["plain"]) if part is not None)
        for form in (word, urllib.parse.unquote_plus(word), re.sub(r"\\(.)", r"\1", word), word.replace("''", "'")):
            hide(form)


def learn_parameters(parameters: Mapping[str, Any], secret: Iterable[str] = ()) -> None:
    """Hide the values of parameters that are secret, by their names or because `secret` names them, and what is secret in the others."""
    named = set(secret)
    for name, value in parameters.items():
        if name in named or is_secret_name(name):
            hide(value)
        else:
            learn(value)


def masked(value: Any) -> Any:
    """Return a value without its secrets: text, and all text in mappings and sequences.

    Examples
    --------
    >>> masked("postgresql://me:p@ss@host/db?password=x&n=1"), masked("PASSWORD='a b' tried"), masked({"token": "abc", "n": 3})
    ('postgresql://me:***@host/db?password=***&n=1', "PASSWORD='***' tried", {'token': '***', 'n': 3})
    """
    kind = type(value)
    if kind is str:
        return _masked_text(value)
    if kind in _PLAIN:  # with text, most of a report
        return value
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, str):
        return _masked_text(value)
    if isinstance(value, dict | Mapping):  # a dictionary is soon found to be one
        return {masked(name): _masked_entry(name, part) for name, part in value.items()}
    if isinstance(value, list):
        return [masked(part) for part in value]
    return tuple(masked(part) for part in value) if type(value) is tuple else value


def masked_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as they may be shown."""
    return {name: MASK if is_secret_name(name) and value is not None else masked(value) for name, value in parameters.items()}


def masked_word(word: str, secret: Iterable[str] = ()) -> str:
    """Return a word of a command as it may be shown: without what is behind the name of a secret, whatever it is.

    Examples
    --------
    >>> masked_word("password=a b;c"), masked_word("n=3"), masked_word("--checkpoints=ftp://u:p@h/x")
    ('password=***', 'n=3', '--checkpoints=ftp://u:***@h/x')
    """
    name, equals, _ = word.partition("=")
    is_secret = bool(equals) and (name in secret or is_secret_name(name.lstrip("-p ")) or is_secret_name(name))
    return f"{name}={MASK}" if is_secret else str(masked(word))


def _masked_entry(name: Any, value: Any) -> Any:
    """Return what stands behind a name in a mapping."""
    if isinstance(value, str) and isinstance(name, str):
        if name in _OWN_WORDS and not isinstance(value, Secret) and value.isalnum():
            return value
        if is_secret_name(name):
            return MASK
    return masked(value)


def _masked_text(text: str) -> str:
    """Return a text without the secrets in it."""
    found = _known.found
    text = text if found is None else found.sub(MASK, text)
    return text if _SUSPECT.search(text) is None else _masked_shapes(text)


@lru_cache(maxsize=4096)
def _masked_shapes(text: str) -> str:
    """Return a text without what looks like a secret; a report says the same few words for each of its stages, and in each run."""
    if "://" in text:
        text = _LONE_USER.sub(rf"\1{MASK}@", _USER.sub(rf"\1:{MASK}@", text))
    text = _CURL.sub(rf"\1{MASK}", _named(_ELEMENT, _named(_OPTION, text)))
    text = _HEADER.sub(rf"\1{MASK}", text)
    if any(sign in text for sign in ("=", ":", "%3d", "%3D")):
        text = _ORACLE.sub(rf"\1/{MASK}@", text)
        parts, at = [], 0
        for value in _secret_values(text):
            mark = value["mark"] or ""
            parts += [text[at : value.start()], mark, MASK, mark]
            at = value.end()
        text = "".join([*parts, text[at:]])
    return _SHAPES.sub(MASK, _BEARER.sub(rf"\1 {MASK}", text))


def _named(expression: re.Pattern[str], text: str) -> str:
    """Return a text without the values that stand where an expression finds them, behind the name of a secret."""
    return expression.sub(lambda found: f"{found[1]}{MASK}" if is_secret_name(found["name"]) else found[0], text)


def _secret_values(text: str) -> Iterator[re.Match[str]]:
    """Yield where a value stands behind the name of a secret; behind a colon, which prose has too, only one that means nothing else."""
    at = 0
    while (found := _NAME.search(text, at)) is not None:
        at = found.end()
        name = found["name"]
        is_header = name[:2] in ("X-", "x-") and found["sign"].startswith(":")
        is_strong = _STRONG.search(re.sub(r"[_.\-]", "", name.lower())) is not None
        sure = is_strong or is_header or found["sign"].strip() != ":"
        if sure and is_secret_name(name) and (value := _VALUE.match(text, at)) is not None:
            at = value.end()
            if MASK not in value[0]:
                yield value
