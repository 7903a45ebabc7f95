"""`slt view -f html`: a page for each input, of videos with the video in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skeletor.io.native import write_shard
from slt.cli import stages
from tests.slt.viewer.scenes import FRAMES, poses, video


def view(*argv: object) -> int:
    return stages.main("view", [str(a) for a in ("-f", "html", *argv, "--lift", "fast", "--refine", "savgol")], "")


def content(page: Path, name: str) -> Any:
    (found,) = re.findall(rf'<script [^>]*id="{name}">(.*?)</script>', page.read_text(encoding="utf-8"), re.S)
    return json.loads(found) if name == "scene" else found


def test_files_of_poses_get_a_page_for_each_clip(tmp_path, capsys):
    raw, lifted, _ = poses()
    metres = lifted.replace(lifted.keypoints * 0.35, units="metre")
    write_shard({"flat": raw, "space": lifted, "metres": metres}, tmp_path / "a.safetensors")
    assert view(tmp_path / "a.safetensors", "-o", tmp_path / "out") == 0
    made = {name: content(tmp_path / "out" / f"a#{name}.view.html", "scene") for name in ("flat", "space", "metres")}
    assert made["flat"]["flat"] is not None and made["space"]["flat"] is None and made["flat"]["said"] is None
    assert all(scene["frames"] == FRAMES for scene in made.values())
    assert made["metres"]["box"]["radius"] == pytest.approx(made["space"]["box"]["radius"], rel=0.05)
    assert content(tmp_path / "out" / "a#flat.view.html", "video") == ""
    assert len(capsys.readouterr().out.split()) == 3


def test_a_video_goes_into_its_page(tmp_path, monkeypatch):
    raw, *_ = poses()
    monkeypatch.setattr("slt.estimators.registry.build_estimator", lambda options: lambda source: raw)
    assert view(video(tmp_path / "clip.mp4"), "-o", tmp_path) == 0
    assert content(tmp_path / "clip.view.html", "scene")["picture"] == [320, 240]
    assert len(content(tmp_path / "clip.view.html", "video")) > 1000


def test_a_bad_file_is_one_line_and_an_old_page_is_gone(tmp_path, capsys, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    (tmp_path / "a.view.html").write_text("old")
    assert view(tmp_path / "a.mp4", "-o", tmp_path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1 and not (tmp_path / "a.view.html").exists()
    nobody = poses()[0]
    nobody = nobody.replace(np.full_like(nobody.keypoints, np.nan), np.zeros_like(nobody.confidence))
    write_shard({"a": nobody}, tmp_path / "n.safetensors")
    monkeypatch.setattr("slt.estimators.registry.build_estimator", lambda options: lambda source: nobody)
    capsys.readouterr()
    for file in (tmp_path / "n.safetensors", video(tmp_path / "v.mp4")):
        for form in ("html", "mp4"):
            assert view(file, "-o", tmp_path / "out", "-f", form) == 3
            told = capsys.readouterr().err
            assert "nobody was found in any of its" in told and len(told.splitlines()) == 1
    assert not list((tmp_path / "out").glob("*"))


def test_the_pose_model_and_the_hands_are_those_asked_for(tmp_path, monkeypatch):
    asked = []

    def built(options):
        asked.append((options.pose_model, options.hands))
        return lambda source: poses()[0]

    monkeypatch.setattr("slt.estimators.registry.build_estimator", built)
    clip = video(tmp_path / "clip.mp4")
    assert view(clip, "-o", tmp_path) == 0
    assert view(clip, "-o", tmp_path, "--pose-model", "heavy", "--hands", "second") == 0
    assert asked == [("full", "holistic"), ("heavy", "second")]
