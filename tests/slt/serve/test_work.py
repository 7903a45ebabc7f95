"""The work on an upload, with a real (toy) model: results, progress, errors, and no path of the server in them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skeletor.io.formats import read_pose, read_poses, write_pose
from skeletor.poses.pose import PoseSequence
from skeletor.support.listening import said
from slt.inference.chain import load_chain
from slt.serve import work as working
from slt.serve.work import RESULTS, SCENE, Outcome, Task, read_progress, work
from tests.slt.inference.test_recording import SAID, talk
from tests.slt.toy import perform


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "slt-serve-secret" / "0123"
    folder.mkdir(parents=True)
    return folder


def task(folder: Path, pose: PoseSequence | bytes, model: Path, name: str = "my talk.safetensors") -> Task:
    """An upload of poses, or of bytes as a video."""
    source = folder / ("upload.safetensors" if isinstance(pose, PoseSequence) else "upload.mp4")
    if isinstance(pose, PoseSequence):
        write_pose(pose, source)
    else:
        source.write_bytes(pose)
    return Task(source, name, 60.0, model, "cpu")


def told_no_path(folder: Path) -> bool:
    """No result names the folder, or the name under which the upload lies there."""
    content = b"".join(path.read_bytes() for path in folder.iterdir() if not path.name.startswith("upload"))
    return b"slt-serve-secret" not in content and b"upload." not in content and str(Path.cwd()).encode() not in content


def test_a_recording_becomes_all_results(model, folder):
    assert work(task(folder, talk(unseen=1), model)) == Outcome()
    assert {path.name for path in folder.iterdir()} >= {*RESULTS, SCENE} and told_no_path(folder)
    scene = json.loads((folder / SCENE).read_text())
    assert scene["name"] == "my talk.safetensors" and len(scene["said"]["sentences"]) == len(SAID)
    texts = [one["text"] for one in scene["said"]["sentences"]]
    assert texts[1] is None and texts[0] and texts[2]
    assert any("cut by a rule" in warning for warning in scene["said"]["warnings"])
    result = json.loads((folder / "result.json").read_text())
    assert result["source"] == "my talk.safetensors" and [one["text"] for one in result["sentences"]] == texts
    assert (folder / "sentences.txt").read_text().splitlines()[::2] == texts[::2]
    poses = read_poses(folder / "poses.safetensors")
    repaired = load_chain(model, estimator="poses", device="cpu").spatial(talk(unseen=1))
    np.testing.assert_allclose(poses["repaired"].keypoints, repaired.keypoints, atol=1e-5)
    assert set(poses) == {"raw", "lifted", "repaired"} and len(read_pose(folder / "poses.pose")) == len(repaired)
    assert read_progress(folder) == {"what": "files", "done": 0, "total": 0}


def test_what_was_not_understood_has_reasons_and_no_subtitles(model, folder):
    assert work(task(folder, talk(SAID[:1], unseen=0), model)) == Outcome()
    assert {path.name for path in folder.iterdir()} >= {"result.json", SCENE, "poses.pose"}
    assert not list(folder.glob("subtitles.*")) and not (folder / "annotation.eaf").exists()
    told = json.loads((folder / SCENE).read_text())["said"]
    assert told["text"] is None and "not one of its 1 segment" in told["reason"]


def test_nobody_at_all_is_a_result_too(model, folder):
    pose = perform(["wind"], 1)
    flat = pose.replace(np.full((len(pose), 50, 2), np.nan), np.zeros((len(pose), 50)), units="pixel")
    assert work(task(folder, flat, model)) == Outcome()
    assert json.loads((folder / SCENE).read_text())["said"]["text"] is None


def test_what_is_too_long_is_refused_before_anything_is_done(model, folder):
    pose = talk()
    long = Task(task(folder, pose, model).source, "talk.safetensors", 9.5, model, "cpu")
    assert work(long).error == "talk.safetensors: 10.0 s long; at most 9.5 s are taken here, cut it"
    assert not (folder / SCENE).exists()


def test_bad_files_are_one_line_with_the_name_that_the_user_knows(model, folder):
    for content in (b"", b"no video at all", bytes(5000), b"#EXTM3U\nfile:///etc/passwd\n", b"ffconcat version 1.0\n"):
        outcome = work(task(folder, content, model, "holiday.mp4"))
        assert outcome.error and not outcome.defect and "holiday.mp4" in outcome.error
        assert "\n" not in outcome.error and "slt-serve" not in outcome.error and "upload" not in outcome.error
    (folder / "upload.safetensors").write_bytes(b"xx")
    outcome = work(Task(folder / "upload.safetensors", "x.safetensors", 60, model, "cpu"))
    assert outcome.error and outcome.error.startswith("x.safetensors: ") and not outcome.defect


def test_a_defect_is_told_apart(model, folder, monkeypatch):
    def wrong(*_: object) -> None:
        raise ZeroDivisionError(f"at {folder}")

    monkeypatch.setattr(working, "_poses", wrong)
    outcome = work(task(folder, b"x", model))
    assert outcome.defect and outcome.error == "unexpected ZeroDivisionError: at "


def test_progress_and_warnings_about_the_file_reach_the_user(model, folder, monkeypatch):
    raw = talk()
    seen: list[dict[str, object]] = []

    def estimate(chain: object, one: Task, tell: working.Callable[[str, int, int], None]) -> PoseSequence:
        with working.listening(tell):
            for _ in said(range(3), "frames", 3):
                seen.append(read_progress(folder))
        working.log.warning("%s: 3 frames were damaged", one.source)
        return raw

    monkeypatch.setattr(working, "_poses", estimate)
    assert work(task(folder, b"x", model, "a.mp4")) == Outcome()
    assert {"what": "frames", "done": 1, "total": 3} in seen
    assert json.loads((folder / SCENE).read_text())["said"]["warnings"][0] == "a.mp4: 3 frames were damaged"
    assert "a.mp4: 3 frames were damaged" in json.loads((folder / "result.json").read_text())["warnings"]
