import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gpupipe.active.page.desk import Desk
from gpupipe.active.page.server import PageServer
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import UsageError


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PageServer]:
    """Return a server at work."""
    store = LabelStore.create(tmp_path / "labels", ["cat", "dog"])
    store.add_examples({"example_id": ["a"], "text": ["</script><script>alert(1)</script>"]})
    store.ask({"example_id": ["a"]}, round=0)
    with PageServer(Desk(store, "ann"), token="the-token", hosts=["box.example"]) as made:
        worker = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        worker.start()
        yield made
        made.shutdown()
        worker.join()


def ask(server: PageServer, path: str, body: bytes | None = None, token: str | None = "the-token", **headers: str) -> tuple[int, Any, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    kind = {} if body is None else {"Content-Type": "application/json"}
    given = {
        **kind,
        **({} if token is None else {"Authorization": f"Bearer {token}"}),
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    connection.request("GET" if body is None else "POST", path, body, given)
    response = connection.getresponse()
    content = response.read().decode()
    connection.close()
    return response.status, json.loads(content) if "json" in response.headers["Content-Type"] else content, response.headers


def sent(server: PageServer) -> bytes:
    name = server.desk.store.questions()["question_id"].to_pylist()[0]
    return json.dumps(
        {"answers": [{"key": "k", "question_id": name, "annotator": "ann", "answer": "cat", "answered_at": "2024-01-01T00:00:00Z"}]}
    ).encode()


def test_the_page_holds_no_data_and_loads_nothing(server: PageServer) -> None:
    status, content, headers = ask(server, "/", token=None)
    assert status == 200
    assert "the-token" not in content
    assert "://" not in content.replace("http://www.w3.org", "")
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    nonce = policy["script-src"].removeprefix("'nonce-").removesuffix("'")
    assert content.count(f'nonce="{nonce}"') == 2
    assert ask(server, "/", token=None)[2]["Content-Security-Policy"] != headers["Content-Security-Policy"]
    assert (headers["Cache-Control"], headers["X-Frame-Options"], headers["Referrer-Policy"]) == ("no-store", "DENY", "no-referrer")


def test_answers_go_in_with_the_token(server: PageServer) -> None:
    assert ask(server, "/api/facts")[1]["classes"] == [{"name": "cat", "key": "1"}, {"name": "dog", "key": "2"}]
    told = ask(server, "/api/questions?annotator=ann&tab=t&most=5")[1]
    assert told["questions"][0]["example"] == {"text": "</script><script>alert(1)</script>"}
    status, told, _ = ask(server, "/api/answers", sent(server))
    assert (status, told["results"][0]["status"], told["progress"]["done"]) == (200, "kept", 1)
    assert server.desk.store.answers().num_rows == 1


def test_where_the_store_cannot_be_written_answers_are_sent_again(server: PageServer) -> None:
    """A full disk, a folder that went away: no answer is refused for good, since a browser lets go of what is."""
    answers = Path(server.desk.store.place) / "answers"
    answers.symlink_to("nowhere")  # where nothing can be written, whoever runs the tests
    status, told, _ = ask(server, "/api/answers", sent(server))
    assert status == 503 and "add the same rows again" in told["error"]
    answers.unlink()
    assert ask(server, "/api/answers", sent(server))[1]["results"][0]["status"] == "kept"


@pytest.mark.parametrize("token", [None, "", "wrong", "the-token ", "The-token", "th\xe9-token"])
def test_nothing_without_the_token(server: PageServer, token: str | None) -> None:
    for path, body in (
        ("/api/facts", None),
        ("/api/questions?annotator=a&tab=t", None),
        ("/api/guess?question=q", None),
        ("/api/answers", sent(server)),
    ):
        assert ask(server, path, body, token)[0] == 401
    assert server.desk.store.answers().num_rows == 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.example", ""])
def test_a_name_of_another_host_is_refused(server: PageServer, host: str) -> None:
    assert ask(server, "/api/facts", Host=host.format(port=server.port))[0] == 421
    assert ask(server, "/", Host=host.format(port=server.port))[0] == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST", "box.example"])
def test_its_own_names_are_served(server: PageServer, host: str) -> None:
    assert ask(server, "/api/facts", Host=f"{host}:{server.port}")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://localhost:{port}"])
def test_another_origin_is_refused(server: PageServer, origin: str) -> None:
    assert ask(server, "/api/answers", sent(server), Origin=origin.format(port=server.port))[0] == 403
    assert ask(server, "/api/facts", Origin=origin.format(port=server.port))[0] == 403
    assert server.desk.store.answers().num_rows == 0
    assert ask(server, "/api/answers", sent(server), Origin=f"http://127.0.0.1:{server.port}")[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/api/answers", b"{", {}, 400),
        ("/api/answers", b"[]", {}, 400),
        ("/api/answers", b'{"answers": [1]}', {}, 400),
        ("/api/answers", b'{"answers": ' + b"[" * 50_000, {}, 400),
        ("/api/answers", json.dumps({"answers": [{}] * 201}).encode(), {}, 400),
        ("/api/answers", b"x=1", {"Content_Type": "text/plain"}, 415),
        ("/api/answers", b"{}", {"Content_Length": str((1 << 20) + 1)}, 413),
        ("/api/answers", b"{}", {"Content_Length": "-1"}, 413),
        ("/api/nothing", b"{}", {}, 404),
        ("/api/nothing", None, {}, 404),
        ("/../pyproject.toml", None, {}, 404),
        ("/api/questions?annotator=", None, {}, 400),
        ("/api/questions?annotator=a&tab=t&most=-1", None, {}, 200),
    ],
)
def test_what_it_does_not_understand_is_refused(
    server: PageServer, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    assert ask(server, path, body, **headers)[0] == status


def test_no_token_where_none_is_wanted(tmp_path: Path) -> None:
    desk = Desk(LabelStore.create(tmp_path / "labels", ["cat", "dog"]), "ann")
    with PageServer(desk, token=None) as made:
        assert made.address == f"http://127.0.0.1:{made.port}/"
        with pytest.raises(UsageError, match=f"got 127.0.0.1:{made.port}: Address already in use. Give another one"):
            PageServer(desk, port=made.port, token=None)
