"""The page of a run: it holds all that it needs, what comes from data stays text, and it fits every window."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from slt.cli.corpora.report import main
from slt.report.finished import read_finished
from slt.report.page import report_page, write_report_page
from tests.chromium import chromium
from tests.slt.report.made import EVIL, finished


class Reading(HTMLParser):
    """What a browser would make of the page: its elements, their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run all of whose texts are hostile."""
    return write_report_page(finished(tmp_path_factory.mktemp("run"), label=EVIL))


def test_nothing_is_loaded_from_elsewhere_and_nothing_else_may_run(hostile: Path) -> None:
    text = hostile.read_text(encoding="utf-8")
    read = Reading(text)
    addresses = [value for name, value in read.values if name in ("src", "href")]
    assert addresses and all(a.startswith(("#", "data:image/jpeg;base64,")) for a in addresses)
    assert "url(" not in text and "@import" not in text and "import(" not in text
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'") and "http" not in policy and "unsafe" not in policy
    for tag in ("script", "style"):
        (code,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'" in policy
    assert not any(name == "style" or name.startswith("on") for name, _ in read.values)  # the policy would refuse them


def test_hostile_texts_stay_texts(hostile: Path) -> None:
    text = hostile.read_text(encoding="utf-8")
    read = Reading(text)
    scenes = 6
    assert read.tags.count("script") == scenes + 1 and "b" not in read.tags
    assert any(EVIL in found for found in read.texts)  # as a label, whole
    assert ("aria-label", f"{EVIL}: dev 20.0 [17.0, 24.0], test 22.0 [19.0, 26.0]") in read.values
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S):
        assert json.loads(data)["format"] == "slt-scene-1"


def test_clips_are_the_best_and_the_worst_with_pictures_skeletons_and_sentences(hostile: Path) -> None:
    text = hostile.read_text(encoding="utf-8")
    best, worst = text.split('<section id="best">')[1].split('<section id="worst">')
    names = [re.findall(r"<h3>(clip-\d)", part) for part in (best, worst)]
    assert names == [["clip-5", "clip-4", "clip-3"], ["clip-0", "clip-1", "clip-2"]]
    assert text.count("<img ") == text.count('class="skeleton"') == 6 * 4
    assert "<mark>norden</mark>" in text and "<mark>süden</mark>" in text and "<span>regen</span>" in text


def test_without_videos_it_shows_skeletons_alone_and_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = finished(tmp_path, clips=2)
    (run / "clip.mp4").write_bytes(b"no video")
    text = write_report_page(run).read_text(encoding="utf-8")
    assert "<img " not in text and text.count('class="skeleton"') == 8
    assert "clip-0 is shown without its video" in caplog.text


def test_what_is_gone_or_was_never_there_is_left_out(tmp_path: Path) -> None:
    run = finished(tmp_path, clips=2, videos=False)
    for place in ("refined", "estimated", "refiner", "corpus"):
        shutil.rmtree(run / place)
    text = report_page(read_finished(run))
    assert re.findall(r'<section id="(\w+)"', text) == ["scores", "joints", "best", "worst"]
    assert "Play in 3D" not in re.sub(r"<script>.*", "", text, flags=re.S)


def test_the_same_run_gives_the_same_bytes_and_an_old_page_is_replaced(tmp_path: Path) -> None:
    run = finished(tmp_path / "run")
    assert main("report", [str(run)], "") == 0
    first = (run / "report.html").read_bytes()
    assert main("report", [str(run), "-o", str(tmp_path / "b.html")], "") == 0
    with pytest.raises(InputError, match=r"ends with \.html"):  # it would take the place of a result
        main("report", [str(run), "-o", str(run / "table.csv")], "")
    assert (tmp_path / "b.html").read_bytes() == first


def test_no_run_an_unfinished_and_an_older_one_are_told_in_one_line(tmp_path: Path) -> None:
    for make, message in (
        (lambda: tmp_path / "none", "no such folder"),
        (lambda: tmp_path, "no table.json"),
        (lambda: _without_review(tmp_path), "no review.json of this version"),
    ):
        with pytest.raises(InputError, match=message) as told:
            write_report_page(make())
        assert "\n" not in str(told.value)


def _without_review(folder: Path) -> Path:
    run = finished(folder / "old", clips=1)
    (run / "review.json").unlink()
    return run


@pytest.mark.browser
def test_it_fits_windows_of_three_widths_and_plays_a_clip(hostile: Path, tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        for width in (360, 800, 1400):
            page = browser.page(hostile.resolve().as_uri(), width)
            assert page.js("document.documentElement.scrollWidth") <= width
            assert page.js("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
            page.click("#worst button[data-scene]")
            page.until("document.querySelectorAll('#worst .viewer canvas').length >= 2")
            assert page.js("document.documentElement.scrollWidth") <= width
            page.click("#worst button[data-scene]")
            page.until("document.querySelectorAll('.viewer').length === 0")
            assert page.complaints() == []
            assert [a for a in page.addresses() if not a.startswith(("data:", "file:"))] == []
