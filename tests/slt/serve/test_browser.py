"""The page in a real Chromium, as people use it: with the mouse, with the keyboard, on a phone, two at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from slt.serve.jobs import job_queue
from slt.serve.limits import Limits
from slt.viewer.page import page as page_text
from slt.viewer.page import write_page
from tests.chromium import Browser, Page, chromium
from tests.slt.serve.fakes import Running, queue, running, until, write_scenes
from tests.slt.viewer.scenes import FRAMES, LOST, scene, video

pytestmark = pytest.mark.browser
EXAMPLE = Path(__file__).parents[3] / "examples" / "forecast.mp4"
MESSAGE = "document.getElementById('message').textContent"
SHOWN = "!document.getElementById('result').hidden && document.querySelector('#viewer .viewer') !== null"
PLAYABLE = "document.querySelector('#viewer video').readyState >= 2"


@pytest.fixture(scope="module", name="browser")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    scenes = write_scenes(tmp_path_factory.mktemp("scenes"))
    with queue(scenes=scenes) as jobs, running(jobs) as server:
        yield server


@pytest.fixture(scope="module", name="clip")
def _clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video(tmp_path_factory.mktemp("clips") / "clip.mp4")


def opened(browser: Browser, server: Running, width: int = 1100) -> Page:
    page = browser.page(server.address, width)
    page.until("document.getElementById('limits').textContent")
    return page


def upload(page: Page, clip: Path, name: str | None = None) -> None:
    """Choose a file, under another name if given."""
    path = clip
    if name is not None:
        path = clip.with_name(name)
        path.write_bytes(clip.read_bytes())
    page.choose_file("#file", path)


def shown(browser: Browser, server: Running, clip: Path, width: int = 1100) -> Page:
    """A page that shows a result."""
    page = opened(browser, server, width)
    upload(page, clip)
    page.until(SHOWN)
    page.until(PLAYABLE)
    return page


def sound(page: Page) -> None:
    """No script failed, the policy refused nothing, and nothing but this server was asked."""
    assert page.complaints() == []
    own = re.match(r"(blob:)?\w+://[^/]*", page.addresses()[0])
    assert own and all(address.removeprefix("blob:").startswith(own[0]) for address in page.addresses())


def drawn(page: Page, pose: str) -> str:
    """What a 3D panel shows."""
    text: str = page.js(f"document.querySelector('[data-pose={pose}]').toDataURL()")
    return text


def colours(page: Page, selector: str, red: int, green: int, blue: int) -> int:
    """How many pixels of a canvas have about that colour."""
    count: int = page.js(
        f"(c => {{ const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;"
        f"for (let k = 0; k < d.length; k += 4) if (d[k + 3] > 200 && Math.abs(d[k] - {red}) < 30 && "
        f"Math.abs(d[k + 1] - {green}) < 30 && Math.abs(d[k + 2] - {blue}) < 30) n++; return n; }})"
        f"(document.querySelector('{selector}'))"
    )
    return count


def to_frame(page: Page, frame: int) -> None:
    page.js(
        f"(s => {{ s.value = {frame}; s.dispatchEvent(new Event('input')); }})"
        "(document.querySelector('#viewer input[type=range]'))"
    )


def test_an_upload_is_shown_with_its_sentences_and_downloads(browser, server, clip):
    page = shown(browser, server, clip)
    text = page.js("document.getElementById('viewer').innerText")
    assert "regen <b>im</b> norden" in text, "a sentence is text, not HTML"
    assert "I do not understand this. the hands were not seen" in text and "confidence 0.70" in text
    assert "left hand 80 %" in text and "look at the times" in text and "REGEN <NORD>" in text
    guesses = page.js("[...document.querySelectorAll('#viewer .guesses li')].map(one => one.innerText)")
    assert [one.split() for one in guesses] == [["REGEN", "0.700"], ["<i>WIND</i>", "0.200"]]
    links = page.js("[...document.querySelectorAll('#downloads a')].map(a => a.href)")
    assert len(links) == 7
    for link in links:
        got = page.js(f"fetch('{link}').then(a => a.text())")
        assert got.startswith(link.rpartition("/")[2] + " of clip.mp4, ")
    sound(page)
    page.click("#delete")
    page.until(f"{MESSAGE} === 'Deleted.'")
    assert page.js(f"fetch('{links[0]}').then(a => a.status)") == 404


def test_both_skeletons_turn_together_with_the_mouse_and_the_keys(browser, server, clip):
    page = shown(browser, server, clip)
    first = {pose: drawn(page, pose) for pose in ("raw", "repaired")}
    assert first["raw"] != first["repaired"], "they are two"
    page.drag("[data-pose=raw]", 80, 10)
    turned = {pose: drawn(page, pose) for pose in first}
    assert all(turned[pose] != first[pose] for pose in first)
    page.drag("[data-pose=repaired]", -80, -10)
    assert {pose: drawn(page, pose) for pose in first} == first, "and back again"
    page.js("document.querySelector('[data-pose=repaired]').focus()")
    for there, back in ((("ArrowLeft", 37, ""), ("ArrowRight", 39, "")), (("ArrowUp", 38, ""), ("ArrowDown", 40, "")),
                        (("+", 187, "+"), ("-", 189, "-"))):  # fmt: skip
        page.press(*there)
        assert drawn(page, "raw") != first["raw"], there
        page.press(*back)
        assert drawn(page, "raw") == first["raw"], back
    page.press("Home", 36)
    front = drawn(page, "raw")
    assert front != first["raw"]
    page.press("ArrowRight", 39)
    page.js("[...document.querySelectorAll('#viewer button')].find(b => b.textContent === 'Front view').click()")
    assert drawn(page, "raw") == front
    sound(page)


def test_a_finger_turns_and_two_zoom(browser, server, clip):
    page = shown(browser, server, clip, 360)
    page.resize(360, 740, phone=True)
    page.ask("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        made = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        page.ask("Input.dispatchTouchEvent", type=kind, touchPoints=made)

    x, y = page.place("[data-pose=raw]")
    first = drawn(page, "raw"), drawn(page, "repaired")
    touch("touchStart", (x, y))
    for k in range(1, 7):
        touch("touchMove", (x + 6 * k, y))
    touch("touchEnd")
    turned = drawn(page, "raw"), drawn(page, "repaired")
    assert turned[0] != first[0] and turned[1] != first[1]
    touch("touchStart", (x - 10, y), (x + 10, y))
    for k in range(1, 7):
        touch("touchMove", (x - 10 - 5 * k, y), (x + 10 + 5 * k, y))
    touch("touchEnd")
    assert drawn(page, "raw") != turned[0]
    assert page.js("window.visualViewport.scale") == 1, "the skeleton is zoomed, not the page"
    sound(page)


def test_raw_and_repaired_lie_over_the_video_and_unseen_joints_are_marked(browser, server, clip):
    page = shown(browser, server, clip)
    over = ".stage canvas"
    blue, red = (0, 114, 178), (176, 0, 32)
    to_frame(page, 0)
    counts = {}
    for frame in (0, (LOST.start + LOST.stop) // 2):
        to_frame(page, frame)
        for way in ("none", "raw", "repaired", "both"):
            page.click(f"input[value={way}]")
            counts[frame, way] = (colours(page, over, *blue), colours(page, over, *red))
    lost = (LOST.start + LOST.stop) // 2
    assert counts[0, "none"] == (0, 0) and all(counts[0, way][0] > 20 for way in ("raw", "repaired", "both"))
    assert all(counts[0, way][1] == 0 for way in ("raw", "repaired", "both")), "nothing is unseen there"
    assert counts[lost, "raw"][0] == 0, "the left hand is not drawn where it was not seen"
    assert counts[lost, "raw"][1] > 20 and counts[lost, "both"][1] > 20, "but marked"
    assert counts[lost, "repaired"][0] > 20 and counts[lost, "repaired"][1] == 0
    page.click("input[value=raw]")
    page.click(".tick input")
    assert colours(page, over, *red) == 0
    assert colours(page, "[data-pose=raw]", *red) == 0
    page.click(".tick input")
    assert colours(page, "[data-pose=raw]", *red) > 20 and colours(page, "[data-pose=repaired]", *red) == 0
    sound(page)


def test_time_is_moved_by_the_time_line_the_slider_and_by_playing(browser, server, clip):
    page = shown(browser, server, clip)
    now = "Number(document.querySelector('#viewer input[type=range]').value)"
    page.click(".segments .gap")
    assert page.js(now) == 30 and "the hands were not seen" in page.js("document.querySelector('.said').innerText")
    page.until("document.querySelector('#viewer video').currentTime > 1.2")
    page.click(".sentences button")
    assert page.js(now) == 0 and "regen" in page.js("document.querySelector('.said').innerText")
    page.js("document.querySelector('#viewer input[type=range]').focus()")
    page.press("ArrowRight", 39)
    assert page.js(now) == 1
    page.js("document.querySelector('[data-pose=raw]').focus()")
    page.press(" ", 32, " ")
    page.until(f"{now} > 4")
    assert page.js("document.querySelector('.play').textContent") == "Pause"
    page.press(" ", 32, " ")
    stopped = page.js(now)
    assert page.js("document.querySelector('#viewer video').paused") and stopped < FRAMES
    page.click(".play")
    page.until("document.querySelector('.play').textContent === 'Play'")
    assert page.js(now) >= FRAMES - 2, "it stops at the end"
    sound(page)


def test_joints_follow_a_video_whose_sound_begins_before_its_pictures(browser, tmp_path):
    late = {**scene(), "begins": 0.4}
    (tmp_path / "late.html").write_text(page_text(late, video(tmp_path / "late.mp4").read_bytes()))
    page = browser.page(f"file://{tmp_path}/late.html")
    page.until(PLAYABLE)
    to_frame(page, 20)
    page.until("Math.abs(document.querySelector('#viewer video').currentTime - (0.4 + 20.5 / 25)) < 1e-3")
    assert "0.4" in page.js("document.querySelector('.sentences button').textContent")
    now = "Number(document.querySelector('#viewer input[type=range]').value)"
    page.click(".play")
    page.until(f"{now} > 22")
    page.click(".play")
    apart = page.js(f"document.querySelector('#viewer video').currentTime - 0.4 - {now} / 25")
    assert apart > -0.05, "the joints are not ahead of the picture"
    assert page.complaints() == []


def test_what_was_not_understood_says_so(browser, server, clip):
    page = opened(browser, server)
    upload(page, clip, "unsure.mp4")
    page.until(SHOWN)
    assert page.js("document.querySelector('.abstained strong').textContent") == "I do not understand this."
    assert "not one of its 2 segments" in page.js("document.querySelector('.abstained').innerText")
    assert page.js("document.querySelectorAll('#downloads a').length") == 3, "no subtitles of nothing"
    assert "not understood" in page.js(MESSAGE)
    sound(page)


def test_bad_files_are_one_line_and_another_can_be_chosen(browser, server, clip):
    page = opened(browser, server)
    upload(page, clip, "bad.mp4")
    page.until(f"{MESSAGE} === 'bad.mp4: cannot be read as a video'")
    assert page.js("!document.getElementById('start').hidden && document.activeElement.id === 'file'")
    empty = clip.with_name("empty.mp4")
    empty.write_bytes(b"")
    upload(page, empty)
    page.until(f"{MESSAGE} === 'the file is empty'")
    upload(page, clip)
    page.until(SHOWN)
    assert all("400" in line for line in page.complaints()), "but for the refused one"


def test_a_job_is_cancelled_and_the_next_one_runs(browser, server, clip):
    page = opened(browser, server)
    upload(page, clip, "stuck.mp4")
    page.until("document.getElementById('doing').textContent === 'Finding the joints: 3 of 10 frames'")
    assert page.js("document.getElementById('progress').position") == pytest.approx(0.3)
    assert page.js("document.activeElement.id") == "cancel"
    folders = [path for path in server.jobs._folder.iterdir() if path.is_dir()]
    page.press("Enter", 13, "\r")
    page.until(f"{MESSAGE} === 'Cancelled.'")
    until(lambda: not any(folder.exists() for folder in folders if (folder / "upload.mp4").exists()))
    upload(page, clip)
    page.until(SHOWN)
    sound(page)


def test_two_users_at_once_see_each_their_own(browser, server, clip):
    one, two = opened(browser, server), opened(browser, server)
    upload(one, clip, "stuck one.mp4")
    one.until("document.getElementById('doing').textContent.startsWith('Finding')")
    upload(two, clip, "two.mp4")
    two.until("document.getElementById('doing').textContent === 'Waiting: 1 before this one'")
    one.click("#cancel")
    two.until(SHOWN)
    assert "stuck" not in two.js("document.body.innerHTML") and "two" not in one.js("document.body.innerHTML")
    for page in (one, two):
        sound(page)


def test_closing_the_page_deletes_what_it_sent(browser, server, clip):
    page = shown(browser, server, clip)
    key = page.js("document.querySelector('#downloads a').href").split("/")[-2]
    assert server.jobs.find(key) is not None
    page.ask("Page.navigate", url="about:blank")
    until(lambda: server.jobs.find(key) is None)


def test_the_camera_is_recorded_and_sent(browser, server):
    page = opened(browser, server)
    page.click("#camera")
    page.until("document.getElementById('preview').videoWidth > 0")
    page.click("#record")
    page.until("parseFloat(document.getElementById('recorded').textContent) > 1")
    page.click("#record")
    page.until(SHOWN)
    page.until(PLAYABLE)
    assert page.js("document.getElementById('recorder').hidden && !document.getElementById('preview').srcObject")
    page.until("Number.isFinite(document.querySelector('#viewer video').duration)")
    sound(page)


@pytest.mark.parametrize("width", [360, 768, 1100])
def test_nothing_is_wider_than_the_window_and_all_is_reached_by_keyboard(browser, server, clip, width):
    page = opened(browser, server, width)
    page.resize(width, 740, phone=width < 500)
    fits = "document.documentElement.scrollWidth <= window.innerWidth"
    assert page.js(fits)
    upload(page, clip)
    page.until(SHOWN)
    assert page.js(fits)
    solid = page.js("[...document.querySelectorAll('.solid canvas')].map(c => c.getBoundingClientRect().top)")
    assert solid[0] == solid[1], "raw and repaired stand side by side, on a phone too"
    reached = []
    page.js("document.activeElement.blur(); window.getSelection().removeAllRanges(); window.scrollTo(0, 0)")
    for _ in range(30):
        page.press("Tab", 9)
        reached.append(page.js("(e => e.dataset.pose || e.id || e.textContent || e.type)(document.activeElement)"))
    for wanted in ("raw", "repaired", "Play", "range", "delete", "Poses (.pose)", "0:00.0 – 0:01.0"):
        assert wanted in reached, f"{wanted}: {reached}"
    named = "e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label')"
    parts = "[...document.querySelectorAll('button, input, select, canvas, meter')]"
    unnamed = page.js(f"{parts}.filter(e => !({named})).map(e => e.outerHTML)")
    assert unnamed == [], "screen readers have a name for each"
    sound(page)


def test_a_video_that_the_browser_cannot_play_leaves_the_skeletons(browser, server, clip):
    page = opened(browser, server)
    other = clip.with_name("other.avi")
    other.write_bytes(b"RIFF" + bytes(2000))
    upload(page, other)
    page.until(SHOWN)
    page.until("document.querySelector('.note') && !document.querySelector('.note').hidden")
    assert "cannot play the video" in page.js("document.querySelector('.note').textContent")
    now = "Number(document.querySelector('#viewer input[type=range]').value)"
    page.click(".play")
    page.until(f"{now} > 2")
    assert colours(page, ".stage canvas", 0, 114, 178) > 20


def test_the_page_of_its_own_needs_nothing_else(browser, clip, tmp_path):
    write_page(scene(), tmp_path / "a.html", clip)
    page = browser.page(f"file://{tmp_path}/a.html")
    page.until(PLAYABLE)
    first = drawn(page, "raw")
    page.drag("[data-pose=raw]", 50, 0)
    assert drawn(page, "raw") != first
    page.click(".play")
    page.until("document.querySelector('.play').textContent === 'Play'")
    assert page.complaints() == []
    assert all(a.startswith(("file:", "blob:null/")) for a in page.addresses()) and len(page.addresses()) <= 3


def test_the_whole_chain_on_the_example(browser):
    with job_queue(Limits(), Path("slt/models/rendered").absolute(), "cpu") as jobs, running(jobs) as server:
        page = opened(browser, server)
        upload(page, EXAMPLE)
        page.until("/: \\d+ of \\d+ frames/.test(document.getElementById('doing').textContent)", 180)
        page.until(SHOWN, 180)
        page.until(PLAYABLE)
        expected = json.loads(EXAMPLE.with_suffix(".json").read_text(encoding="utf-8"))["translated"]
        assert page.js("document.querySelector('.said').innerText").strip() == expected
        sound(page)
        page.click("#delete")
        page.click("#camera")
        page.until("document.getElementById('preview').videoWidth > 0")
        page.click("#record")
        page.until("parseFloat(document.getElementById('recorded').textContent) > 1")
        page.click("#record")
        page.until(SHOWN, 180)
        assert "I do not understand this. no signer found" in page.js("document.querySelector('.abstained').innerText")
        sound(page)
