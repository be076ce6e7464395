"""The labelling page's server: Python's own, on this machine alone unless told otherwise.

The page itself holds nothing of the store. Everything else is asked for with a token, which stands behind the ``#`` of the address that
the command prints, so that no browser sends it anywhere by itself. Requests that name another host (as a page elsewhere makes a browser
do by DNS) or come from another origin are refused.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gpupipe.active.page.desk import Desk
from gpupipe.core.errors import GpupipeError, SinkError, SourceError, UsageError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_MOST_BYTES = 1 << 20
_MOST_QUESTIONS, _MOST_ANSWERS = 50, 200
_TEMPLATES = Path(__file__).parent / "templates"
_ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class PageServer(ThreadingHTTPServer):
    """Serves one store's page.

    Parameters
    ----------
    host, port
        Where it listens; port 0 is any that is free.
    token
        What a request must bring; None where nothing is asked for.
    hosts
        Names, beside the loopback's and `host`, under which the page may be asked for.

    Raises
    ------
    UsageError
        The port is taken, or the host is none of this machine's.
    """

    daemon_threads = True

    def __init__(self, desk: Desk, host: str = "127.0.0.1", port: int = 0, *, token: str | None, hosts: Iterable[str] = ()) -> None:
        self.desk, self.token = desk, token
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            msg = f"Expected a place to listen at, got {host}:{port}: {error.strerror or error}. Give another one with --host or --port."
            raise UsageError(msg) from error
        self.port = int(self.server_address[1])
        self.names = frozenset(f"{name}:{self.port}".lower() for name in (*_LOOPBACK, host, *hosts))
        self.page = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined).get_template("page.html")

    @property
    def address(self) -> str:
        """The page's address, with the token behind the ``#``."""
        host = str(self.server_address[0])
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound to
        return f"http://{shown}:{self.port}/" + ("" if self.token is None else f"#{self.token}")

    @property
    def is_local(self) -> bool:
        """Whether it can be reached from this machine alone."""
        return str(self.server_address[0]).startswith("127.")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away."""


class _RefusedError(Exception):
    """A request that is not served."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    """Serves one browser's requests."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "gpupipe", ""
    timeout = 60
    gets: ClassVar[Mapping[str, Callable[[Desk, Mapping[str, str]], Any]]] = {
        "/api/facts": lambda desk, _: desk.facts(),
        "/api/questions": lambda desk, given: desk.questions(
            given.get("annotator", ""), given.get("tab", ""), _whole(given.get("most", "5")), given.get("without", "").split(",")
        ),
        "/api/guess": lambda desk, given: {"guess": desk.guess(given.get("question", ""))},
    }

    def do_GET(self) -> None:
        """Serve the page, or what it asks for."""
        self._serve(self._get)

    def do_POST(self) -> None:
        """Take answers."""
        self._serve(self._post)

    def _serve(self, made: Callable[[], tuple[str, bytes, Mapping[str, str]]]) -> None:
        """Send what a request is answered with."""
        status = HTTPStatus.OK
        more: Mapping[str, str] = {}
        try:
            self._require_host()
            kind, content, more = made()
        except _RefusedError as refused:
            status, kind, content = refused.status, "application/json", _json({"error": str(refused)})
            self.close_connection = True  # what is left of its body is not read
        except (SinkError, SourceError) as error:  # of the store: a full disk, a folder that went away; what was answered is sent again
            status, kind, content = HTTPStatus.SERVICE_UNAVAILABLE, "application/json", _json({"error": str(error)})
        except GpupipeError as error:
            status, kind, content = HTTPStatus.BAD_REQUEST, "application/json", _json({"error": str(error)})
        self.send_response(status)
        for name, value in {**_ALWAYS, **more, "Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def _get(self) -> tuple[str, bytes, Mapping[str, str]]:
        """Return the page, or an answer in JSON."""
        path = urlsplit(self.path)
        if path.path == "/":
            return self._page()
        made = self.gets.get(path.path)
        if made is None:
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {path.path!r}.")
        self._require_token()
        given = {name: values[0] for name, values in parse_qs(path.query).items()}
        return "application/json", _json(made(self.server.desk, given)), {}

    def _post(self) -> tuple[str, bytes, Mapping[str, str]]:
        """Return what became of answers, and how far their annotator is."""
        if urlsplit(self.path).path != "/api/answers":
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing to send to at {self.path!r}.")
        self._require_token()
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Answers are sent as JSON.")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Answers of up to {_MOST_BYTES:,} bytes are taken, with their length."
            )
        try:
            answers = json.loads(self.rfile.read(int(length)))["answers"]
            assert isinstance(answers, list) and len(answers) <= _MOST_ANSWERS and all(isinstance(one, dict) for one in answers)
        except (ValueError, TypeError, KeyError, AssertionError, RecursionError) as error:
            raise _RefusedError(
                HTTPStatus.BAD_REQUEST, f'Up to {_MOST_ANSWERS} answers are taken at once, as {{"answers": [...]}}.'
            ) from error
        desk = self.server.desk
        whose = str(answers[-1].get("annotator")) if answers else desk.annotator
        return "application/json", _json({"results": desk.take(answers), "progress": desk.progress(whose)}), {}

    def _page(self) -> tuple[str, bytes, Mapping[str, str]]:
        """Return the page, whose own script and style alone may be used, and which loads nothing from elsewhere."""
        nonce = secrets.token_urlsafe(16)
        texts = {name: (_TEMPLATES / f"page.{name}").read_text(encoding="utf-8") for name in ("css", "js")}
        allowed = f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; connect-src 'self'"
        policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        content = self.server.page.render(nonce=nonce, css=texts["css"], script=texts["js"])
        return "text/html", content.encode(), {"Content-Security-Policy": policy}

    def _require_host(self) -> None:
        """Refuse a request that names a host of another name, or comes from a page elsewhere."""
        host = self.headers.get("Host", "").lower()
        if host not in self.server.names:
            raise _RefusedError(HTTPStatus.MISDIRECTED_REQUEST, f"This page is not at {host!r}. Allow the name with --allow-host.")
        origin = self.headers.get("Origin")
        if origin is not None and origin.lower() != f"http://{host}":
            raise _RefusedError(HTTPStatus.FORBIDDEN, "Other pages may not ask this one.")

    def _require_token(self) -> None:
        """Refuse a request without the token."""
        token = self.server.token
        given = self.headers.get("Authorization", "").encode(errors="replace")
        if token is not None and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise _RefusedError(HTTPStatus.UNAUTHORIZED, "Open the address that the command printed.")

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a terminal is for people, and there is nobody else here."""


def _json(value: Any) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False).encode()


def _whole(text: str) -> int:
    """Return a number of questions, none where it is no number."""
    return min(int(text), _MOST_QUESTIONS) if text.isdecimal() else 0
