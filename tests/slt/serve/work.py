"""Work that stands in for the models. What an upload is called says what becomes of it.

A module of its own: each worker process imports it, and the server with its packages takes three times as long.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

from slt.serve.work import PROGRESS, RESULTS, SCENE, Outcome, Task


def nothing(model: Path | None, device: str, workers: int) -> None:
    """Instead of loading models."""


def work(task: Task) -> Outcome:
    """stuck...: never ends. dies...: ends the process. bad...: an error. unsure...: not understood. Else a result.

    model: a folder with the scenes to show, if the viewer is to be seen (`write_scenes`).
    """
    folder, name = task.source.parent, task.name
    (folder / PROGRESS).write_text(json.dumps({"what": "frames", "done": 3, "total": 10}))
    if name.startswith("stuck"):
        threading.Event().wait(600)
    if name.startswith("dies"):
        os._exit(9)
    if name.startswith("bad"):
        return Outcome(f"{name}: cannot be read as a video")
    content = hashlib.sha256(task.source.read_bytes()).hexdigest()
    which = "unsure.json" if name.startswith("unsure") else "sure.json"
    shown = json.loads((task.model / which).read_text()) if task.model else {}
    (folder / SCENE).write_text(json.dumps(shown | {"name": name}))
    for one in RESULTS:
        (folder / one).write_text(f"{one} of {name}, {content}")
    return Outcome()
