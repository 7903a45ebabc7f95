"""A real Chromium for tests of pages, over its own pipe: no driver and no package is needed, only the browser.

Where there is none, or with SLT_CHROMIUM set to nothing, such tests skip and say so.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", "--no-first-run",
    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
# The ends of the pipes have to be 3 and 4 in the browser.
_LAUNCHER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
_PATIENCE = 60.0  # seconds for an answer


def browser_path() -> str:
    """The browser's program; skips the test if there is none."""
    wanted = os.environ.get("SLT_CHROMIUM")
    found = wanted if wanted is not None else next(filter(None, map(shutil.which, NAMES)), "")
    if not found:
        pytest.skip("no Chromium here (apt-get install chromium, or SLT_CHROMIUM=PROGRAM)")
    return found


class Browser:
    """A running browser; see `chromium`."""

    def __init__(self, to_it: int, from_it: int) -> None:
        self._out, self._in = to_it, from_it
        self._numbers = itertools.count(1)
        self._held = b""
        self._answers: dict[int, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, session: str | None = None, **values: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol; gives its result. Raises AssertionError if it is refused."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": values} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = monotonic() + _PATIENCE
        while number not in self._answers:
            self.hear(deadline - monotonic())
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def hear(self, seconds: float) -> None:
        """Read what the browser says, for at most that long."""
        assert select.select([self._in], [], [], max(0.0, seconds))[0] or seconds < 1, "the browser does not answer"
        if not select.select([self._in], [], [], 0)[0]:
            return
        block = os.read(self._in, 1 << 20)
        assert block, "the browser ended"
        *whole, self._held = (self._held + block).split(b"\0")
        for text in whole:
            message = json.loads(text)
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self.events.append(message)

    def page(self, address: str, width: int = 1100, height: int = 900) -> Page:
        """A new tab of a new user: it shares neither cookies nor storage with the others."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        page = Page(self, self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            page.ask(f"{domain}.enable")
        page.resize(width, height)
        page.ask("Page.navigate", url=address)
        page.until("document.readyState === 'complete' && location.href !== 'about:blank'")
        return page


class Page:
    """A tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser, self.session = browser, session

    def ask(self, method: str, **values: Any) -> dict[str, Any]:
        """A command for this tab."""
        return self.browser.ask(method, self.session, **values)

    def js(self, code: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        done = self.ask("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, f"{code}: {done['exceptionDetails']}"
        return done["result"].get("value")

    def until(self, code: str, seconds: float = _PATIENCE) -> Any:
        """Wait until an expression is true; its value."""
        deadline = monotonic() + seconds
        while True:
            value = self.js(f"({code})")
            if value:
                return value
            assert monotonic() < deadline, f"never true: {code}\n{self.js('document.body.innerText')}"
            self.browser.hear(0.05)

    def resize(self, width: int, height: int, phone: bool = False) -> None:
        """The size of the window, in CSS pixels."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1,
                 mobile=phone)  # fmt: skip

    def place(self, selector: str) -> tuple[float, float]:
        """The middle of an element in the window, scrolled into view."""
        find = f"document.querySelector({json.dumps(selector)})"
        self.js(f"{find}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        x, y = self.js(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({find}.getBoundingClientRect())")
        return x, y

    def mouse(self, kind: str, x: float, y: float, **values: Any) -> None:
        """One event of the mouse."""
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1, **values)

    def click(self, selector: str) -> None:
        """A click of the mouse on an element."""
        x, y = self.place(selector)
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)

    def drag(self, selector: str, across: float, down: float) -> None:
        """Drag from the middle of an element."""
        x, y = self.place(selector)
        self.mouse("mousePressed", x, y)
        for k in range(1, 6):
            self.mouse("mouseMoved", x + across * k / 5, y + down * k / 5, buttons=1)
        self.mouse("mouseReleased", x + across, y + down)

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        """A key of the keyboard. code: its number, where the browser does something of its own with it."""
        values = {"key": key, "windowsVirtualKeyCode": code} | ({"text": text} if text else {})
        self.ask("Input.dispatchKeyEvent", type="keyDown", **values)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in an input of the page."""
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def picture(self, path: Path | None = None, whole: bool = True) -> bytes:
        """The page as a PNG."""
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        image = base64.b64decode(data)
        if path is not None:
            path.write_bytes(image)
        return image

    def addresses(self) -> list[str]:
        """All that this tab has asked for."""
        return [e["params"]["request"]["url"] for e in self._events("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """Errors of scripts, and what the page's policy refused."""
        thrown = [e["params"]["exceptionDetails"]["text"] for e in self._events("Runtime.exceptionThrown")]
        logged = [e["params"]["entry"] for e in self._events("Log.entryAdded")]
        return thrown + [f"{e['text']} {e.get('url', '')}" for e in logged if e["level"] == "error"]

    def _events(self, method: str) -> Iterator[dict[str, Any]]:
        self.browser.hear(0)
        return (e for e in self.browser.events if e["method"] == method and e.get("sessionId") == self.session)


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in `folder`, for the block. Its camera is a made one, and always allowed."""
    program = browser_path()
    its_in, to_it = os.pipe()
    from_it, its_out = os.pipe()
    command = [program, *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCHER, str(its_in), str(its_out), *command], pass_fds=(its_in, its_out),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    os.close(its_in)
    os.close(its_out)
    browser = Browser(to_it, from_it)
    try:
        yield browser
    finally:
        _quietly(lambda: browser.ask("Browser.close"))
        os.close(to_it)
        os.close(from_it)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except (AssertionError, OSError):
        return
