"""The viewer as one file: it holds all that it needs, and nothing of it can break out of its place."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import av
import cv2
import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.video import open_video, write_video
from slt.viewer.page import page, small_copy, write_page
from tests.slt.viewer.scenes import FPS, FRAMES, scene, video

EVIL = '</script><script>alert(1)</script><!-- "&'


def part(text: str, name: str) -> str:
    (found,) = re.findall(rf'<script [^>]*id="{name}">(.*?)</script>', text, re.S)
    return found


def test_nothing_is_loaded_from_elsewhere():
    text = page(scene(), None)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text) and "import(" not in text
    assert "<link" not in text and "url(" not in text
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'") and "http" not in policy and "unsafe" not in policy
    for tag in ("script", "style"):
        inline = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        hashes = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in inline]
        assert len(hashes) == 1 and f"{tag}-src 'sha256-{hashes[0]}'" in policy


def test_names_and_sentences_stay_data():
    made = scene(EVIL)
    made["said"]["sentences"][0]["text"] = EVIL
    text = page(made, None)
    assert text.count("<script") == 3 == text.count("</script>")
    assert json.loads(part(text, "scene")) == json.loads(json.dumps(made))
    assert "<title>&lt;/script&gt;" in text


def test_a_name_that_is_no_text_is_shown_with_escapes(tmp_path):
    write_page(scene("geb\udce4rde.mp4"), tmp_path / "a.html")  # of an old archive, in Latin-1
    text = (tmp_path / "a.html").read_text("utf-8")
    assert json.loads(part(text, "scene"))["name"] == r"geb\udce4rde.mp4" and r"<title>geb\udce4rde.mp4" in text


def test_the_video_goes_along_small_with_its_frames_and_times(tmp_path):
    big = [np.full((720, 1280, 3), 5 * t, np.uint8) for t in range(8)]
    write_video(tmp_path / "big.mp4", big, 30)
    write_page(scene(), tmp_path / "a.html", tmp_path / "big.mp4")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(base64.b64decode(part((tmp_path / "a.html").read_text(), "video")))
    with open_video(copy) as found:
        assert (found.width, found.height, found.fps, found.frame_count) == (640, 360, 30, 8)
        assert [abs(frame.mean() - 5 * t) < 4 for t, frame in enumerate(found)] == [True] * 8
    with av.open(str(copy)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.html", "big.mp4", "copy.mp4"]


def test_a_small_video_keeps_its_size_and_a_folder_of_frames_has_its_rate(tmp_path):
    made = small_copy(video(tmp_path / "a.mp4"))
    (tmp_path / "b.mp4").write_bytes(made)
    with open_video(tmp_path / "b.mp4") as found:
        assert (found.width, found.height, found.fps, found.frame_count) == (320, 240, FPS, FRAMES)
    (tmp_path / "frames").mkdir()
    for k in range(3):
        cv2.imwrite(str(tmp_path / "frames" / f"{k}.png"), np.zeros((48, 64, 3), np.uint8))
    (tmp_path / "c.mp4").write_bytes(small_copy(tmp_path / "frames", 12.5))
    with open_video(tmp_path / "c.mp4") as found:
        assert found.fps == 12.5


def test_a_page_that_cannot_be_made_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"none\.mp4: no such file"):
        write_page(scene(), tmp_path / "a.html", tmp_path / "none.mp4")
    assert not list(tmp_path.iterdir())
