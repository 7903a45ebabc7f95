"""Packed frames: the same values within half precision, resumable, small, and memory that stays flat."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from skeletor.cli import main
from skeletor.io import native
from skeletor.learning.data import pack as pack_module
from skeletor.learning.data.frame_store import MARKER, open_frames
from skeletor.learning.data.pack import FrameWriter, pack
from skeletor.learning.data.windows import clip_store
from skeletor.learning.trainer import Trainer
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import MEDIAPIPE_75, SIGNING_50, custom_skeleton
from skeletor.poses.turns import Turn, with_turns
from skeletor.refiners.training.train import load_refiner, train_refiner
from skeletor.support.errors import InputError
from tests.skeletor.io.signer import person, signer, write_json
from tests.skeletor.refiners.tiny import clips, config

CPU = torch.device("cpu")


def poses(count: int = 7, frames: int = 40, seed: int = 0) -> dict[str, PoseSequence]:
    """Clips of several lengths with gaps, one of them empty."""
    rng = np.random.default_rng(seed)
    made = {}
    for k, pose in enumerate(clips(count, frames=frames, seed=seed)):
        pose = pose.frames(0, 0 if k == 2 else frames - 3 * k)
        confidence = rng.random(pose.confidence.shape).astype(np.float32)
        keypoints = pose.keypoints.copy()
        gone = confidence < 0.2
        keypoints[gone], confidence[gone] = np.nan, 0
        made[f"clip{k}"] = pose.replace(keypoints, confidence)
    return made


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    native.write_shard(poses(), tmp_path / "poses.safetensors")
    return tmp_path / "poses.safetensors"


@pytest.mark.parametrize("shard_frames", [1, 50, 10**6])
def test_windows_are_those_of_the_clips_in_memory(source: Path, tmp_path: Path, shard_frames: int) -> None:
    packed = pack([source], tmp_path / "store", degraded=[source], shard_frames=shard_frames)
    store = open_frames(tmp_path / "store")
    full = [pose for pose in poses().values() if len(pose)]
    memory = clip_store(full, full)
    assert (packed.clips, packed.frames) == (6, memory.frames) == (len(store.index.starts), store.frames)
    assert (len(store._shards) == 1) == (shard_frames == 10**6)
    one, other = (s.draw(64, 12, 0.5, np.random.default_rng(3)).on(CPU) for s in (store, memory))
    for name in ("source", "target"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-3)
        difference = getattr(one, f"{name}_confidence") - getattr(other, f"{name}_confidence")
        assert float(difference.abs().max()) <= 0.0851
    assert torch.equal(one.target_confidence > 0, other.target_confidence > 0)
    assert torch.equal(one.first, other.first) and torch.equal(one.last, other.last)
    np.testing.assert_allclose(store.typical_pose(), memory.typical_pose(), atol=1e-3)
    part = store.subset([1, 4])
    assert part.frames == len(full[1]) + len(full[4]) and part.digest() != store.digest()
    np.testing.assert_allclose(part.typical_pose(), memory.subset([1, 4]).typical_pose(), atol=1e-3)


def test_25_million_frames_take_less_than_8_gb(tmp_path: Path) -> None:
    """319 bytes of a frame times their number; the file must not be larger than that says, but for its header."""
    native.write_shard(poses(10, 300), tmp_path / "poses.safetensors")
    packed = pack([tmp_path / "poses.safetensors"], tmp_path / "store")
    assert packed.bytes <= 319 * packed.frames + 8 * packed.clips + 1500
    clips_of_100_frames = 25_000_000 // 100
    assert 25_000_000 * 319 + 8 * clips_of_100_frames + 1500 * (25_000_000 // pack_module.SHARD_FRAMES + 1) < 8e9


def test_a_killed_packing_goes_on(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pack([source], tmp_path / "whole", shard_frames=60)
    add = FrameWriter.add

    def dying(self: FrameWriter, pose: PoseSequence, *rest: object) -> None:
        if self.clips_done >= 4:
            raise KeyboardInterrupt
        add(self, pose, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(FrameWriter, "add", dying)
    with pytest.raises(KeyboardInterrupt):
        pack([source], tmp_path / "killed", shard_frames=60)
    assert (tmp_path / "killed" / "00000.safetensors").exists()
    with pytest.raises(InputError, match="no whole store"):
        open_frames(tmp_path / "killed")
    added: list[int] = []
    monkeypatch.setattr(FrameWriter, "add", lambda self, *a: (added.append(self.clips_done), add(self, *a))[1])
    again = pack([source], tmp_path / "killed", shard_frames=60)
    assert added and min(added) >= 4
    assert (again.frames, again.bytes) == (whole.frames, whole.bytes)
    assert open_frames(tmp_path / "killed").digest() == open_frames(tmp_path / "whole").digest()
    added.clear()
    assert pack([source], tmp_path / "killed", shard_frames=60) == again and not added  # nothing left to do


def test_what_does_not_fit_is_refused(source: Path, tmp_path: Path) -> None:
    pack([source], tmp_path / "store")
    with pytest.raises(InputError, match="other inputs or options"):
        pack([source], tmp_path / "store", fps=50.0)
    with pytest.raises(InputError, match="no degraded version"):
        few = dict(list(poses().items())[:3])
        native.write_shard(few, tmp_path / "few.safetensors")
        pack([source], tmp_path / "b", degraded=[tmp_path / "few.safetensors"])
    native.write_shard({"x": clips(1, skeleton=custom_skeleton(4))[0]}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="skeleton"):
        pack([source, tmp_path / "other.safetensors"], tmp_path / "c")
    far = clips(1)[0]
    native.write_shard({"x": far.replace(far.keypoints * np.float32(1e5))}, tmp_path / "far.safetensors")
    with pytest.raises(InputError, match="2048"):
        pack([tmp_path / "far.safetensors"], tmp_path / "d")
    with pytest.raises(InputError, match="nothing to pack"):
        native.write_shard({"x": far.frames(0, 0)}, tmp_path / "empty.safetensors")
        pack([tmp_path / "empty.safetensors"], tmp_path / "e")


@pytest.mark.parametrize("damage", ["cut", "marker", "gone", "stranger"])
def test_a_damaged_store_is_an_input_error(source: Path, tmp_path: Path, damage: str) -> None:
    store = tmp_path / "store"
    pack([source], store)
    shard = store / "00000.safetensors"
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:-100])
    elif damage == "marker":
        (store / MARKER).write_text((store / MARKER).read_text()[:200])
    elif damage == "gone":
        shard.unlink()
    else:
        about = json.loads((store / MARKER).read_text())
        about["form"]["dims"] = 2
        (store / MARKER).write_text(json.dumps(about))
    with pytest.raises(InputError, match="again"):
        open_frames(store)


@pytest.mark.parametrize("name", ["../other/00000.safetensors", "/etc/passwd", "link.safetensors", ".", "", 5, None])
def test_a_manifest_names_nothing_outside_its_folder(source: Path, tmp_path: Path, name: Any) -> None:
    store = tmp_path / "store"
    pack([source], tmp_path / "other")
    pack([source], store)
    (store / "link.safetensors").symlink_to(tmp_path / "other" / "00000.safetensors")
    about = json.loads((store / MARKER).read_text())
    about["shards"][0]["file"] = name
    (store / MARKER).write_text(json.dumps(about))
    with pytest.raises(InputError, match="again") as caught:
        open_frames(store)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [{"shards": []}, {"shards": 5}, {"form": []}, {"form": {"dims": 3}}, {"format": "x"}, {"shards": [{"file": "x"}]}],
)
def test_a_broken_manifest_is_one_line(source: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    pack([source], tmp_path / "store")
    marker = tmp_path / "store" / MARKER
    about = json.loads(marker.read_text())
    marker.write_text(json.dumps(about | change))
    with pytest.raises(InputError, match="again") as caught:
        open_frames(tmp_path / "store")
    assert "\n" not in str(caught.value)
    for fps, dims, units in ((1e-9, 3, "shoulder"), (25, 4, "shoulder"), (25, 3, "ells")):
        marker.write_text(json.dumps(about | {"form": about["form"] | {"fps": fps, "dims": dims, "units": units}}))
        with pytest.raises(InputError, match=MARKER):
            open_frames(tmp_path / "store")
    marker.write_text("[" * 100_000)
    with pytest.raises(InputError, match=MARKER):
        open_frames(tmp_path / "store")


def test_a_shard_with_gaps_between_its_tensors_is_refused(source: Path, tmp_path: Path) -> None:
    """Of the size that the manifest says, but the header points elsewhere: frames would shift without a word."""
    store = tmp_path / "store"
    pack([source], store)
    shard = store / "00000.safetensors"
    data = shard.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    begin, end = header["confidence"]["data_offsets"]
    header["confidence"]["data_offsets"] = [begin + 19, end + 19]
    shard.write_bytes(data[:8] + json.dumps(header, separators=(",", ":")).encode().ljust(size) + data[8 + size :])
    assert len(shard.read_bytes()) == len(data)
    with pytest.raises(InputError, match="one after the other"):
        open_frames(store)


def test_pixels_and_frame_rates_are_brought_into_form(tmp_path: Path) -> None:
    good = clips(2)
    pixels = {
        f"c{k}": PoseSequence(p.keypoints * 90 + 200, p.confidence, 50, SIGNING_50, Provenance(units="pixel"))
        for k, p in enumerate(good)
    }
    native.write_shard(pixels, tmp_path / "p.safetensors")
    store = open_frames(pack([tmp_path / "p.safetensors"], tmp_path / "store", fps=25.0).folder)
    assert (store.form.units, store.form.fps, store.frames) == ("shoulder", 25, 40)


def test_train_from_the_command_line_on_a_packed_store(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    assert main(["pack", str(source), "-o", str(tmp_path / "store"), "--degraded", str(source)]) == 0
    assert "6 clips, 183 frames" in capsys.readouterr().out
    job = {"data": [str(tmp_path / "store")], "out": str(tmp_path / "run"), "device": "cpu", "licence": "CC0"}
    job["train"] = config(max_steps=4).model_dump(mode="json")
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["train", str(tmp_path / "job.yaml")]) == 0
    info = load_refiner(capsys.readouterr().out.strip()).info
    assert info.skeleton is SIGNING_50 and "6 clips, 183 frames" in info.data
    job["data"] = [str(tmp_path / "store"), str(source)]
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert main(["train", str(tmp_path / "job.yaml")]) == 2
    assert "stands alone" in capsys.readouterr().err


def test_training_on_disk_is_resumed_to_the_same_losses(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after step 8, with a checkpoint at 5; two batches to a step."""
    torch.set_num_threads(1)
    store = open_frames(pack([source], tmp_path / "store").folder)
    with pytest.raises(InputError, match="fps"):
        train_refiner(store, config(fps=30.0), tmp_path / "other")
    train_refiner(store, config(accumulate=2), tmp_path / "whole")
    step = Trainer.step

    def dying(trainer: Trainer[Any], *rest: Any) -> None:
        if trainer.state.progress.step == 8:
            raise KeyboardInterrupt
        step(trainer, *rest)

    monkeypatch.setattr(Trainer, "step", dying)
    with pytest.raises(KeyboardInterrupt):
        train_refiner(store, config(accumulate=2), tmp_path / "killed")
    monkeypatch.undo()
    train_refiner(store, config(accumulate=2), tmp_path / "killed")
    logs = [
        [json.loads(line).get("loss") for line in (tmp_path / name / "refiner.jsonl").read_text().splitlines()]
        for name in ("killed", "whole")
    ]
    assert logs[0] == logs[1] and len(logs[0]) == 5  # three lines of losses, two of validation


def mapped_bytes() -> int:
    """Resident bytes of mapped files of this process."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(text.split("RssFile:")[1].split()[0])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_memory_does_not_grow_with_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 MB on disk, all of it read several times; resident stays what may be read between two releases."""
    writer = FrameWriter(tmp_path / "store", "big", shard_frames=1 << 16)
    long = clips(1, frames=20_000)[0]
    for _ in range(10):
        writer.add(long)
    writer.finish()
    store = open_frames(tmp_path / "store")
    monkeypatch.setattr("skeletor.learning.data.frame_store.RELEASE_BYTES", 4 << 20)
    rng = np.random.default_rng(0)
    before, peak = mapped_bytes(), 0
    for _ in range(150):
        store.draw(32, 80, 0.5, rng)
        peak = max(peak, mapped_bytes())
    assert peak - before < 24 << 20


def test_mediapipe_poses_are_packed_on_the_signing_skeleton(tmp_path: Path) -> None:
    """They have no neck by which to normalise; degraded versions go the same way."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 200, (6, 75, 2)).astype(np.float32)
    pose = PoseSequence(points, np.ones((6, 75)), 25.0, MEDIAPIPE_75, Provenance(units="pixel"))
    native.write_pose(pose, tmp_path / "clip.safetensors")
    store = open_frames(pack([tmp_path / "clip.safetensors"], tmp_path / "a").folder)
    assert store.form.skeleton == SIGNING_50 and store.form.units == "shoulder"
    flat = tmp_path / "clip.safetensors"
    assert open_frames(pack([flat], tmp_path / "b", degraded=[flat]).folder).has_degraded
    plain = PoseSequence(points, np.ones((6, 75)), 25.0, custom_skeleton(75), Provenance("x", units="pixel"))
    native.write_pose(plain, tmp_path / "plain.safetensors")
    with pytest.raises(InputError, match="no neck and shoulders"):
        pack([tmp_path / "plain.safetensors"], tmp_path / "c")


@pytest.mark.parametrize("shard_frames", [1, 50, 10**6])
def test_of_people_in_turns_each_turn_is_a_clip(tmp_path: Path, shard_frames: int) -> None:
    """As if the turns had been clips of their own; so no window holds two people. A killed packing goes on."""
    whole, alone = clips(2, frames=40)
    turns = [Turn(0, 13, 1), Turn(13, 30, 2), Turn(30, 40, 1)]
    talk = with_turns(whole, turns, ["at the left", "at the right"])
    cut = [whole.frames(turn.start, turn.stop) for turn in turns]
    for name, made in (("good", lambda pose: pose), ("worse", lambda pose: pose.replace(pose.keypoints + 1))):
        native.write_shard({"a": made(talk), "b": made(alone)}, tmp_path / f"{name}.safetensors")
        parts = {f"a{k}": made(part) for k, part in enumerate(cut)}
        native.write_shard({**parts, "b": made(alone)}, tmp_path / f"{name}_cut.safetensors")
    good, worse = tmp_path / "good.safetensors", tmp_path / "worse.safetensors"
    packed = pack([good], tmp_path / "one", degraded=[worse], shard_frames=shard_frames)
    pack([tmp_path / "good_cut.safetensors"], tmp_path / "two", None, [tmp_path / "worse_cut.safetensors"], 10**6)
    one, two = open_frames(tmp_path / "one"), open_frames(tmp_path / "two")
    assert packed.clips == 4 and (one.index.stops - one.index.starts).tolist() == [13, 17, 10, 40]
    assert (two.index.stops - two.index.starts).tolist() == [13, 17, 10, 40]
    a, b = (store.draw(64, 8, 0.5, np.random.default_rng(0)).on(CPU) for store in (one, two))
    assert torch.equal(a.target, b.target) and torch.equal(a.source, b.source)
    (tmp_path / "one" / MARKER).unlink()
    assert pack([good], tmp_path / "one", degraded=[worse], shard_frames=shard_frames) == packed


def test_a_folder_of_json_whose_frames_are_written_anew_is_another_input(tmp_path: Path) -> None:
    joints, folder = signer(4), tmp_path / "json"
    for t in range(4):
        write_json(folder, t, [person(joints, t)])
    packed = pack([folder], tmp_path / "out")
    assert pack([folder], tmp_path / "out") == packed
    write_json(folder, 2, [person(signer(4, moves=1.0), 2)])
    with pytest.raises(InputError, match="holds a store of other inputs"):
        pack([folder], tmp_path / "out")
