"""A headless Chromium that tests drive: keys, tabs, what a tab shows. Through its own protocol, over a pipe."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--hide-scrollbars", "--window-size=1100,820", "--remote-debugging-pipe", "--disable-dev-shm-usage",
)  # fmt: skip
_PATIENCE_SECONDS = 120
_CODES = {"Backspace": 8, "Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "Delete": 46}


class Browser:
    """A browser with a profile of its own."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading, self.writing = reading, writing
        self.numbers = itertools.count(1)
        self.rest = b""

    def call(self, method: str, tab: str | None = None, **given: Any) -> dict[str, Any]:
        """Return what the browser answers to a method of its protocol."""
        number = next(self.numbers)
        asked = {"id": number, "method": method, "params": given, **({} if tab is None else {"sessionId": tab})}
        os.write(self.writing, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._message()
            if told.get("id") == number:
                assert "error" not in told, told["error"]
                result: dict[str, Any] = told["result"]
                return result

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            got = os.read(self.reading, 1 << 16)
            assert got, "the browser has ended"
            self.rest += got
        text, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def open(self, address: str) -> Tab:
        """Return a new tab at an address."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        tab = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        made = Tab(self, tab, target)
        made.call("Page.enable")
        made.call("Page.navigate", url=address)
        return made


class Tab:
    """One tab."""

    def __init__(self, browser: Browser, tab: str, target: str) -> None:
        self.browser, self.tab, self.target = browser, tab, target

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Return what the browser answers about this tab."""
        return self.browser.call(method, self.tab, **given)

    def value(self, script: str) -> Any:
        """Return the value of an expression of JavaScript."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, script: str) -> Any:
        """Return the value of an expression once it is true; while the page is not there yet, it is not."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while not (found := self.value(f"(() => {{ try {{ return {script} }} catch (error) {{ return null }} }})()")):
            assert time.monotonic() < until, f"{script} stays {found!r}; the page says: {self.value('document.body.innerText')}"
            time.sleep(0.02)
        return found

    def press(self, *keys: str, modifiers: int = 0) -> None:
        """Press keys one after the other; modifiers: 2 control, 8 shift."""
        for key in keys:
            code = _CODES.get(key, ord(key[0].upper()))
            text = {"Enter": "\r"}.get(key, key) if len(key) == 1 or key == "Enter" else ""
            given = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
            self.call("Input.dispatchKeyEvent", type="keyDown" if text and not modifiers & 2 else "rawKeyDown", text=text, **given)
            self.call("Input.dispatchKeyEvent", type="keyUp", **given)

    def shot(self, path: Path) -> None:
        """Write a picture of what the tab shows."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """Close the tab."""
        self.browser.call("Target.closeTarget", targetId=self.target)


@contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """Start a browser, and end it afterwards; skip where there is none."""
    path = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no chromium, chromium-browser or google-chrome on the path; on Debian: apt-get install chromium")
    theirs_read, ours_write = os.pipe()
    ours_read, theirs_write = os.pipe()
    # The browser reads from descriptor 3 and writes to 4.
    command = f'exec 3<&{theirs_read} 4>&{theirs_write}; exec "$0" "$@"'
    started = subprocess.Popen(
        ["bash", "-c", command, path, *_OPTIONS, f"--user-data-dir={profile}"],
        pass_fds=(theirs_read, theirs_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_read)
    os.close(theirs_write)
    try:
        yield Browser(ours_read, ours_write)
    finally:
        started.terminate()
        started.wait()
        os.close(ours_read)
        os.close(ours_write)
