"""The viewer as one file: a page that holds its script, its style, the joints and a small copy of the video."""

from __future__ import annotations

import base64
import hashlib
import html
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from skeletor.files.atomic import write_text
from skeletor.files.plain_json import to_json
from slt.video import Video, open_video, write_video

_HIGHEST = 360  # pixels of the copy of the video
_QUALITY = 28  # of its compression, see `write_video`
_START = "Viewer.fromPage();\n"
_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
{data}
<script>{script}</script>
</body>
</html>
"""
_BODY = """<h1>{title}</h1>
<div id="viewer"></div>
<noscript><p>This page draws skeletons with JavaScript. Please allow it for this file.</p></noscript>"""


def asset(name: str) -> str:
    """The text of a file that comes with the viewer: `viewer.js` or `viewer.css`."""
    return (files("slt.viewer") / "static" / name).read_text(encoding="utf-8")


def write_page(scene: dict[str, Any], out: Path | str, video: Path | None = None, fps: float | None = None) -> None:
    """Write the viewer of a scene (`slt.viewer.scene`) as one HTML file, which loads nothing from elsewhere.

    video: the file or folder of frames behind the scene; a small copy of it goes along. fps: of a folder of frames.
    Raises InputError if the video cannot be read, or the page cannot be written.
    """
    begun = scene | {"begins": 0.0}  # the copy begins with its first frame
    write_text(out, page(begun, None if video is None else small_copy(video, fps)))


def page(scene: dict[str, Any], video: bytes | None) -> str:
    """The text of the page. video: an mp4."""
    title = html.escape(f"{scene['name']} - Skeletor-SLT")
    copy = "" if video is None else base64.b64encode(video).decode("ascii")
    data = embedded("scene", scene) + f'\n<script type="text/plain" id="video">{copy}</script>'
    script, style = asset("viewer.js") + _START, asset("viewer.css")
    return document(title, style, _BODY.format(title=title), data, script, "media-src blob:; ")


def document(title: str, style: str, body: str, data: str, script: str, allowed: str = "") -> str:
    """A whole page that loads nothing: its policy knows its one style and its one script by their hashes.

    title, body, data: HTML; data stands behind what is shown. allowed: more of the policy.
    """
    policy = (
        f"default-src 'none'; script-src {content_hash(script)}; style-src {content_hash(style)}; img-src data:; "
        f"{allowed}base-uri 'none'; form-action 'none'"
    )
    return _DOCUMENT.format(policy=policy, title=title, style=style, body=body, data=data, script=script)


def embedded(key: str, values: dict[str, Any]) -> str:
    """Values as a script that the page's own one reads by its id."""
    # "</script>" and "<!--" within the data would end it
    data = to_json(values).replace("<", "\\u003c")
    return f'<script type="application/json" id="{key}">{data}</script>'


def content_hash(text: str) -> str:
    """How a page's policy names one of its own scripts or styles."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def small_copy(video: Path, fps: float | None = None) -> bytes:
    """The video as an mp4 that every browser plays, at most 360 pixels high, frame by frame at the same times.

    fps: of a folder of frames. Raises InputError if it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="slt-view-") as folder, open_video(video, fps) as source:
        target = Path(folder) / "copy.mp4"
        write_video(target, _small(source), min(source.fps, 240.0), crf=_QUALITY, preset="veryfast")
        return target.read_bytes()


def _small(source: Video) -> Iterator[np.ndarray]:
    scale = min(1.0, _HIGHEST / source.height)
    size = max(2, round(source.width * scale)), max(2, round(source.height * scale))
    for frame in source:
        yield frame if scale == 1.0 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
