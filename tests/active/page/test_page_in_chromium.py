"""The page in a real browser, by keyboard: answers, undo, several tabs, a server that is killed."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gpupipe.active.page.desk import Desk
from gpupipe.active.page.server import PageServer
from gpupipe.active.store import LabelStore
from tests.browser import Browser, Tab, open_browser

SHOWN = "!document.getElementById('card').hidden"
SAVED = "document.getElementById('link-text').textContent === 'all saved'"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a browser."""
    with open_browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@contextmanager
def serving(store: LabelStore) -> Iterator[str]:
    """Serve a store; the address."""
    with PageServer(Desk(store, "ann"), token="tok") as server:
        worker = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        worker.start()
        yield server.address
        server.shutdown()
        worker.join()


SERVER = """
import sys
from gpupipe.active.page.desk import Desk
from gpupipe.active.page.server import PageServer
from gpupipe.active.store import LabelStore
with PageServer(Desk(LabelStore(sys.argv[1]), "ann"), port=int(sys.argv[2]), token="tok") as server:
    print(server.address, server.port, flush=True)
    server.serve_forever()
"""


def start(store: LabelStore, port: int = 0) -> tuple[subprocess.Popen[str], str, int]:
    """Serve a store in a process of its own, which can be killed."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, store.place, str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address, found = process.stdout.readline().split()
    return process, address, int(found)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    """Return a store of eight texts."""
    made = LabelStore.create(tmp_path / "labels", ["cat", "dog", "oak"])
    made.add_examples({"example_id": [f"e{one}" for one in range(8)], "text": [f"text {one} <b>" for one in range(8)]})
    made.ask({"example_id": [f"e{one}" for one in range(8)], "guess": ["cat"] * 8}, round=0, budget=8)
    return made


@pytest.fixture
def address(store: LabelStore) -> Iterator[str]:
    """Return where that store is served."""
    with serving(store) as made:
        yield made


def at(tab: Tab, example: str) -> None:
    tab.wait(f"document.getElementById('example-id').textContent === {json.dumps(example)}")


def answers(store: LabelStore) -> dict[str, str]:
    labels = LabelStore(store.place).labels()
    return dict(zip(labels["example_id"].to_pylist(), labels["label"].to_pylist(), strict=True))


def test_answers_are_dated_by_the_servers_clock(browser: Browser, store: LabelStore, address: str) -> None:
    """A browser whose clock is a day ahead would else be refused, or count before all others for a day."""
    tab = browser.open("about:blank")
    tab.call("Page.addScriptToEvaluateOnNewDocument", source="const real = Date.now; Date.now = () => real() + 86400e3;")
    tab.call("Page.navigate", url=address)
    tab.wait(SHOWN)
    tab.press("1")
    at(tab, "e1")
    tab.wait(SAVED)
    [answered] = store.answers()["answered_at"].to_pylist()
    assert abs((answered - datetime.now(UTC)).total_seconds()) < 3600 and answers(store) == {"e0": "cat"}


def test_by_keyboard_with_undo_skip_and_the_guess(browser: Browser, store: LabelStore, address: str) -> None:
    tab = browser.open(address)
    tab.wait(SHOWN)
    assert tab.value("document.querySelector('.example .text').textContent") == "text 0 <b>"
    assert "would say" not in tab.value("document.body.innerText")
    tab.press("?")
    tab.wait("document.getElementById('guess').textContent === 'The model would say: cat'")
    tab.press("1")
    at(tab, "e1")
    assert tab.value("document.getElementById('guess').hidden")
    tab.press("2", "3")
    tab.press("Backspace")
    at(tab, "e2")
    tab.press("1", " ")
    at(tab, "e4")
    tab.wait(SAVED)
    tab.wait("document.getElementById('progress-text').textContent.startsWith('4 of 8 questions')")
    assert answers(store) == {"e0": "cat", "e1": "dog", "e2": "cat"}
    kept = store.answers()
    assert sorted(kept["example_id"].to_pylist()) == ["e0", "e1", "e2", "e2", "e2", "e3"]  # the undone one, its withdrawal, the new one
    assert all(seconds is None or 0 <= seconds < 60 for seconds in kept["seconds"].to_pylist())
    assert tab.value("performance.getEntriesByType('resource').every(one => one.name.startsWith(location.origin + '/api/'))")
    tab.close()


def test_a_killed_server_loses_and_doubles_nothing(browser: Browser, store: LabelStore) -> None:
    process, address, port = start(store)
    tab = browser.open(address)
    tab.wait(SHOWN)
    tab.press("1")
    tab.wait(SAVED)
    tab.wait("document.getElementById('progress-text').textContent.startsWith('1 of 8')")
    kill(process)
    tab.press("2")
    tab.press("3")
    tab.wait("document.getElementById('link-text').textContent === 'no connection, 2 answers not sent yet'")
    at(tab, "e3")
    tab.call("Page.reload")  # whoever reloads the page meanwhile gets none; another tab, later, sends what was kept
    tab.close()
    assert answers(store) == {"e0": "cat"}
    process, address, _ = start(store, port)
    again = browser.open(address)
    at(again, "e3")
    again.wait(SAVED)
    assert answers(store) == {"e0": "cat", "e1": "dog", "e2": "oak"}
    assert store.answers().num_rows == 3
    again.close()
    kill(process)


def test_an_answer_of_which_the_receipt_was_lost_is_kept_once(browser: Browser, store: LabelStore, address: str) -> None:
    tab = browser.open(address)
    tab.wait(SHOWN)
    # The server gets the answers; what it says to that does not get back.
    lossy = "const told = await real(...a); if (a[1].method && n-- > 0) throw new TypeError('cut'); return told"
    tab.value(f"void (() => {{ const real = fetch; let n = 2; fetch = async (...a) => {{ {lossy} }} }})()")
    tab.press("1", "2")
    tab.wait(SAVED)
    assert answers(store) == {"e0": "cat", "e1": "dog"}
    assert store.answers().num_rows == 2
    tab.close()


def test_two_tabs_double_nothing(browser: Browser, store: LabelStore, address: str) -> None:
    first = browser.open(address)
    first.wait(SHOWN)
    at(first, "e0")
    second = browser.open(address)
    second.wait(SHOWN)
    shown = second.value("document.getElementById('example-id').textContent")
    for _ in range(8):
        first.press("1")
        second.press("2")
    for tab in (first, second):
        tab.wait("document.getElementById('card').hidden")
        tab.wait(SAVED)
    kept = store.answers()
    assert sorted(kept["example_id"].to_pylist()) == [f"e{one}" for one in range(8)]
    assert shown in answers(store)
    assert first.value("Object.keys(localStorage).length") == 0
    first.close()
    second.close()


def test_without_the_token_answers_wait_for_it(browser: Browser, store: LabelStore, address: str) -> None:
    tab = browser.open(address.replace("#tok", "#other"))
    tab.wait("document.getElementById('link-text').textContent === 'not let in'")
    assert tab.value("document.getElementById('notice').textContent").startswith("Open the address that the command printed.")
    tab.close()


def test_yes_and_no(browser: Browser, tmp_path: Path) -> None:
    store = LabelStore.create(tmp_path / "labels", ["cat", "dog", "oak"])
    store.add_examples({"example_id": ["a"], "row": [{"legs": 4}]})
    store.ask(
        {"example_id": ["a", "a"], "question": [store.scheme.set_question(["cat", "dog"], "animal"), store.scheme.set_question(["cat"])]},
        round=0,
    )
    with serving(store) as address:
        tab = browser.open(address)
        tab.wait("document.getElementById('prompt').textContent === 'Is it one of “animal”?'")
        assert tab.value("document.querySelector('#example table').innerText").split() == ["legs", "4"]
        tab.press("x", "y")
        tab.wait("document.getElementById('prompt').textContent === 'Is it cat?'")
        tab.press("n")
        tab.wait(SAVED)
        assert answers(store) == {"a": "dog"}
        tab.close()


def test_words(browser: Browser, tmp_path: Path) -> None:
    store = LabelStore.create(tmp_path / "labels", ["PER", "LOC"], kind="spans")
    store.add_examples({"example_id": ["s"], "words": [["Ada", "Byron", "left", "London", "."]]})
    store.ask({"example_id": ["s"], "guess": ['[[0,1,"PER"]]']}, round=0)
    with serving(store) as address:
        tab = browser.open(address)
        tab.wait("document.querySelectorAll('.word').length === 5")
        tab.press("ArrowRight", modifiers=8)
        tab.press("2")  # by mistake
        tab.press("ArrowLeft")
        tab.press("Delete")
        tab.press("ArrowLeft")
        tab.press("ArrowRight", modifiers=8)
        tab.press("1", "ArrowRight", "2")
        assert tab.value("[...document.querySelectorAll('.span')].map(one => one.innerText.replace(/\\s+/g, ' '))") == [
            "Ada ByronPER",
            "LondonLOC",
        ]
        tab.press("Enter")
        tab.wait(SAVED)
        assert answers(store) == {"s": ["B-PER", "I-PER", "O", "B-LOC", "O"]}
        tab.press("Backspace")  # what was marked is there to be mended
        tab.wait("document.querySelectorAll('.span').length === 2")
        tab.close()


def test_many_classes_by_typing(browser: Browser, tmp_path: Path) -> None:
    store = LabelStore.create(tmp_path / "labels", [f"class {one}" for one in range(60)])
    few = store.scheme.set_question(["class 1", "class 2"])
    store.ask({"example_id": ["s", "a", "b"], "question": [few, None, None]}, round=0)
    with serving(store) as address:
        tab = browser.open(address)
        at(tab, "s")
        tab.press("y")  # which is no letter of what is typed next
        tab.wait("document.querySelectorAll('#choices button').length === 60")
        tab.press("Enter")  # nothing was typed: nothing is taken
        tab.press("4", "2", "Enter")
        at(tab, "b")
        tab.wait(SAVED)
        assert answers(store) == {"s": None, "a": "class 42"}
        tab.press("x", "Enter")
        tab.wait("document.getElementById('choices').innerText === 'No class has that in its name.'")
        tab.close()


def test_what_texts_hold_is_shown_as_it_is(browser: Browser, tmp_path: Path) -> None:
    """Markup is text; a long text is read from its top on, by keys; each text has the direction of its script, and so have the arrows."""
    made = LabelStore.create(tmp_path / "labels", ["cat", "<i>dog</i>"])
    html, long = "<img src=x onerror=\"document.title='run'\"><b>bold</b>", "word " * 4000
    made.add_examples({"example_id": ["h", "l", "r"], "text": [html, long, "مرحبا بالعالم"], "row": ['{"<b>": "<b>"}', None, None]})
    made.ask({"example_id": ["h", "l", "r"], "guess": ["<i>dog</i>"] * 3}, round=0)
    with serving(made) as address:
        tab = browser.open(address)
        at(tab, "h")
        tab.press("?")
        tab.wait("!document.getElementById('guess').hidden")
        assert html in tab.value("document.body.innerText") and not tab.value("document.querySelector('main img, main b, main i')")
        tab.press("1")
        at(tab, "l")
        example = "document.getElementById('example')"
        top = f"{example}.firstChild.getBoundingClientRect().top - {example}.getBoundingClientRect().top"
        assert tab.value(top) >= 0
        tab.press("PageDown")
        tab.wait(f"{example}.scrollTop > 50")
        tab.press("1")
        at(tab, "r")
        assert tab.value("getComputedStyle(document.querySelector('.text')).direction") == "rtl"
    words = LabelStore.create(tmp_path / "words", ["PER"], kind="spans")
    words.add_examples({"example_id": ["w"], "words": [["ذهب", "أحمد", "London"]]})
    words.ask({"example_id": ["w"]}, round=0)
    with serving(words) as address:
        tab = browser.open(address)
        at(tab, "w")
        tab.press("ArrowLeft", "1", "Enter")  # of what is read from the right, the next word is on the left
        tab.wait("!document.getElementById('done').hidden")
        tab.wait(SAVED)
    assert words.labels()["label"].to_pylist() == [["O", "B-PER", "O"]]
