"""From a corpus to shards of 2D poses: what is bad is listed, what was stopped goes on to the same bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from skeletor.io.formats import read_pose, write_pose
from skeletor.io.store import open_store
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.data.layout import Clip, Corpus, Description
from slt.estimators.mediapipe.estimator import MediaPipeOptions
from slt.estimators.pose_files import PosesOptions
from slt.pipeline.sources import list_bad_clips
from slt.pipeline.work.poses.estimate import estimate_corpus
from slt.video import Span

POSES = PosesOptions()
forked = pytest.mark.usefixtures("forked_workers")  # save where MediaPipe works: its threads do not come along


def write_clips(folder: Path, part: str, count: int) -> dict[str, Path]:
    files = {}
    for k in range(count):
        points = np.random.default_rng(k).uniform(1, 99, (6, 50, 2)).astype(np.float32)
        files[f"{part}-{k}"] = folder / f"{part}-{k}.safetensors"
        pose = PoseSequence(points, np.ones((6, 50), np.float32), 25.0, SIGNING_50, Provenance("x", units="pixel"))
        write_pose(pose, files[f"{part}-{k}"])
    return files


def digests(folder: Path) -> dict[str, str]:
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@forked
def test_stopped_damaged_and_mended_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    sources = {part: write_clips(tmp_path / "in", part, count) for part, count in (("train", 130), ("dev", 2))}
    cache, out = tmp_path / "cache", tmp_path / "out"
    estimate_corpus(sources, 1.5, POSES, cache, out, 1)
    whole = digests(out)
    assert set(whole) == {"train/00000.safetensors", "train/00001.safetensors", "dev/00000.safetensors", "failed.json"}
    first = open_store(out / "train")["train-0"]
    assert first.keypoints[0, 0, 1] == pytest.approx(np.random.default_rng(0).uniform(1, 99, 2)[1] * 1.5, rel=1e-5)

    (cache / "train" / ".train-3.99.tmp.safetensors").write_bytes(b"half")  # a worker was killed here
    (cache / "train" / "train-3.safetensors").unlink()
    (cache / "dev" / "dev-1.safetensors").write_bytes(b"half")
    lost = {name: sources["train"][name] for name in ("train-3", "train-5", "train-7")}
    for file in lost.values():
        file.rename(file.with_suffix(".away"))
    estimate_corpus(sources, 1.5, POSES, cache, out, 1)
    assert set(json.loads((out / "failed.json").read_text())["train"]) == set(lost)
    assert len(open_store(out / "train")) == 127 and not (out / "train" / "00001.safetensors").exists()

    for file in lost.values():
        file.with_suffix(".away").rename(file)
    estimate_corpus(sources, 1.5, POSES, cache, out, 1)
    assert digests(out) == whole and not list(cache.rglob("*.tmp*"))


@forked
def test_bad_clips_are_listed_with_their_reason(tmp_path: Path) -> None:
    sources = {"train": write_clips(tmp_path / "in", "train", 2)}
    sources["train"]["torn"] = tmp_path / "torn.safetensors"
    sources["train"]["torn"].write_bytes(b"torn\tapart\n")
    estimate_corpus(sources, 1.0, POSES, tmp_path / "cache", tmp_path / "out", 1)
    clips = [Clip(name, "train", file, "s", (), "a .") for name, file in sources["train"].items()]
    clips.append(Clip("lost", "test", None, "s", (), "a ."))
    file = tmp_path / "bad_clips.tsv"
    assert list_bad_clips(Corpus(tmp_path, Description(), tuple(clips)), sources, tmp_path / "out", file) == 2
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == ["part", "clip", "source", "why"] and [row[:2] for row in rows[1:]] == [
        ["train", "torn"], ["test", "lost"],
    ]  # fmt: skip
    assert rows[1][2] == str(sources["train"]["torn"]) and all(len(row) == 4 and row[3] for row in rows)
    rendered = Corpus(tmp_path, Description(kind="rendered"), tuple(clips))
    assert list_bad_clips(rendered, sources, tmp_path / "out", file) == 1


@forked
def test_nothing_but_bad_clips_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no clip could be read"):
        estimate_corpus({"dev": {"a": tmp_path / "a"}}, 1.0, POSES, tmp_path / "cache", tmp_path / "out", 1)


def test_frames_that_cannot_be_read_make_a_bad_clip_not_the_end(release, tmp_path: Path) -> None:
    """Pictures through the real estimator."""
    from slt.data.layout import read_corpus

    corpus = read_corpus(release())
    (corpus.clips[0].source / "images0002.png").write_bytes(b"torn")
    shutil.rmtree(corpus.clips[2].source)
    sources = {split: {c.name: c.source for c in corpus.split(split) if c.source} for split in ("train", "dev")}
    estimate_corpus(sources, 300 / 260, MediaPipeOptions(), tmp_path / "cache", tmp_path / "out", 1)
    failed = json.loads((tmp_path / "out" / "failed.json").read_text())
    assert set(failed["train"]) == {"heute-1"} and "images0002.png" in failed["train"]["heute-1"]
    assert set(failed["dev"]) == {"tagesschau-3"} and list(open_store(tmp_path / "out" / "train")) == ["heute-2"]


@forked
def test_parts_of_a_recording_are_clips_of_their_own(tmp_path: Path) -> None:
    source = write_clips(tmp_path / "in", "train", 1)["train-0"]  # 6 frames at 25 a second
    whole = read_pose(source).keypoints[:, :, :2]
    sources = {"train": {"a": source, "b": source, "c": source}}
    spans = {"train": {"a": Span(0, 0.08), "b": Span(0.08)}}
    estimate_corpus(sources, 1.0, POSES, tmp_path / "cache", tmp_path / "out", 1, spans)
    store = open_store(tmp_path / "out" / "train")
    for name, part in (("a", whole[:2]), ("b", whole[2:]), ("c", whole)):
        assert np.array_equal(store[name].keypoints, part)
    files = {name: tmp_path / "cache" / "train" / f"{name}.safetensors" for name in "abc"}
    before = {name: file.stat().st_mtime_ns for name, file in files.items()}
    spans = {"train": {"a": Span(0, 0.12), "b": Span(0.08)}}
    estimate_corpus(sources, 1.0, POSES, tmp_path / "cache", tmp_path / "out", 1, spans)
    changed = [name for name, file in files.items() if file.stat().st_mtime_ns != before[name]]
    assert changed == ["a"] and len(open_store(tmp_path / "out" / "train")["a"]) == 3


@forked
def test_a_part_that_is_not_there_is_a_bad_clip(tmp_path: Path) -> None:
    sources = {"train": write_clips(tmp_path / "in", "train", 2)}
    spans = {"train": {"train-1": Span(0, 9)}}
    estimate_corpus(sources, 1.0, POSES, tmp_path / "cache", tmp_path / "out", 1, spans)
    failed = json.loads((tmp_path / "out" / "failed.json").read_text())
    assert list(failed["train"]) == ["train-1"] and "not within its 0.24 s" in failed["train"]["train-1"]


@forked
def test_folders_have_the_frame_rate_of_the_corpus_unless_the_config_says_it(tmp_path: Path) -> None:
    file = write_clips(tmp_path / "in", "train", 1)["train-0"]
    write_pose(read_pose(file), tmp_path / "json")
    sources = {"train": {"json": tmp_path / "json", "file": file}}
    for config, expected in ((PosesOptions(), (30, 25)), (PosesOptions(fps=50), (50, 50))):
        out, cache = tmp_path / f"out{config.fps}", tmp_path / f"cache{config.fps}"
        estimate_corpus(sources, 1.0, config, cache, out, 1, {"train": {"json": Span(0.1)}}, 30.0)
        store = open_store(out / "train")
        assert (store["json"].fps, store["file"].fps) == expected
        assert len(store["json"]) == 6 - round(0.1 * expected[0])
