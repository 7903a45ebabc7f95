"""Files of ONNX models: what is none, or another one, is one line; nothing is fetched."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest

from skeletor.support.errors import InputError
from tests.slt.estimators.rtm.onnx_file import Graph
from tests.slt.estimators.rtm.tiny import background, detector, draw, pose_model

pytest.importorskip("onnxruntime", reason="the extra rtm is not installed")
rtmlib = pytest.importorskip("rtmlib", reason="the extra rtm is not installed")

from slt.estimators.rtm import models  # noqa: E402
from slt.estimators.rtm.models import load_detector, load_pose_model  # noqa: E402
from slt.estimators.rtm.tools import PeopleFinder, PointFinder  # noqa: E402


def line(path: Path, load=load_pose_model, device: str = "cpu") -> str:
    with pytest.raises(InputError) as told:
        load(path, device)
    assert "\n" not in str(told.value) and told.value.exit_code == 2
    return str(told.value)


@pytest.mark.parametrize("load", [load_pose_model, load_detector])
def test_a_file_that_is_none_is_one_line(tmp_path: Path, load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *a, **k: pytest.fail("the network was asked"))
    assert line(tmp_path / "rtmw.onnx", load).endswith("no such file; give the path of a model file (.onnx)")
    (tmp_path / "text.onnx").write_text("404: not found")
    assert "text.onnx: not a readable model file (.onnx)" in line(tmp_path / "text.onnx", load)
    (tmp_path / "whole.zip").write_bytes(b"PK\x03\x04 end2end.onnx")
    assert line(tmp_path / "whole.zip", load).endswith("unpack it and give the .onnx file in it")
    (tmp_path / "empty.onnx").touch()
    assert "is empty" in line(tmp_path / "empty.onnx", load)
    assert "is a directory" in line(tmp_path, load)
    half = pose_model(tmp_path / "half.onnx")
    half.write_bytes(half.read_bytes()[:900])
    assert "half.onnx: not a readable model file" in line(half, load)


def test_another_model_than_of_whole_bodies_is_one_line(tmp_path: Path) -> None:
    assert "gives (1, 17, 384) and (1, 17, 512), no (1, 133, 384)" in line(pose_model(tmp_path / "a.onnx", points=17))
    assert "(1, 133, 576)" in line(pose_model(tmp_path / "b.onnx", split=3))
    assert "gives (1, 2, 5) and (1, 2), no (1, 133, 256)" in line(detector(tmp_path / "c.onnx"))
    assert "no boxes (1, N, 5) of a YOLOX" in line(pose_model(tmp_path / "d.onnx"), load_detector)


@pytest.mark.parametrize(
    ("size", "batch", "channels"), [(("w", "h"), 1, 3), ((64, 64), 2, 3), ((64, 64), 1, 1)], ids=["open", "two", "grey"]
)
def test_an_input_that_pictures_do_not_fit_is_one_line(tmp_path: Path, size, batch: int, channels: int) -> None:
    graph = Graph()
    graph.alias["x"] = graph("Identity", "input")
    graph.write(tmp_path / "m.onnx", {"x": (batch, channels, size[1], size[0])}, size, batch, channels)
    assert "no tensor(float) (1, 3, height, width) of a fixed size" in line(tmp_path / "m.onnx")


def test_a_model_with_weights_in_another_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash of the one would not tell the other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more.bin").write_bytes(np.ones(3, "<f4").tobytes())
    graph = Graph()
    graph.alias["x"] = graph("Add", "input", graph.constant(np.ones((1, 3, 1, 1)), outside="more.bin"))
    assert "not a readable model file" in line(graph.write(tmp_path / "m.onnx", {"x": (1, 3, 8, 8)}, (8, 8)))


def test_devices(tmp_path: Path) -> None:
    path = pose_model(tmp_path / "m.onnx")
    assert "device 'tpu' is unknown; give cpu, cuda, cuda:1 or auto" in line(path, device="tpu")
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert models._providers("auto", there) == [("CUDAExecutionProvider", {"device_id": 0}), "CPUExecutionProvider"]
    assert models._providers("cuda:1", there)[0] == ("CUDAExecutionProvider", {"device_id": 1})
    assert models._providers("cpu", there) == models._providers("auto", there[1:]) == ["CPUExecutionProvider"]
    with pytest.raises(InputError, match="runs on the CPU alone; install onnxruntime-gpu"):
        models._providers("cuda", there[1:])


def test_a_file_that_changes_is_loaded_anew_and_one_that_does_not_is_not(tmp_path: Path) -> None:
    path = pose_model(tmp_path / "m.onnx")
    first = load_pose_model(path, "cpu")
    assert load_pose_model(path, "cpu").session is first.session
    pose_model(path, size=(96, 128))
    other = load_pose_model(path, "cpu")
    assert other.size == (96, 128) and other.sha256 != first.sha256


@pytest.mark.parametrize("raw", [0, 1], ids=["boxes", "raw"])
def test_both_steps_are_those_of_rtmlib_itself(tmp_path: Path, raw: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Its own classes, built as it documents, find the same, bit for bit."""
    picture = background((150, 90))
    draw(
        picture, {number: (20 + 4 * (number % 20), 20 + 5 * (number // 20)) for number in range(133)}, (12, 10, 70, 80)
    )
    draw(picture, {}, (100, 20, 140, 85))
    bgr = np.ascontiguousarray(picture[:, :, ::-1])
    pose, people = pose_model(tmp_path / "p.onnx"), detector(tmp_path / "d.onnx", labels=False, raw=raw)
    boxes = PeopleFinder(load_detector(people, "cpu"))(bgr)
    points, scores = PointFinder(load_pose_model(pose, "cpu"))(picture, boxes)
    assert capfd.readouterr() == ("", "")
    theirs = rtmlib.YOLOX(str(people), model_input_size=(128, 128), backend="onnxruntime", device="cpu")(bgr)
    assert len(boxes) == 2 and np.array_equal(boxes, theirs)
    finder = rtmlib.RTMPose(str(pose), model_input_size=(192, 256), backend="onnxruntime", device="cpu")
    assert all(np.array_equal(a, b) for a, b in zip((points, scores), finder(picture, bboxes=theirs), strict=True))


def test_boxes_of_other_things_and_without_an_area_are_left_out(tmp_path: Path) -> None:
    picture = background((128, 128))
    draw(picture, {}, (10, 20, 50, 100))
    draw(picture, {}, (70, 30, 110, 90))
    bgr = np.ascontiguousarray(picture[:, :, ::-1])
    found = PeopleFinder(load_detector(detector(tmp_path / "d.onnx"), "cpu"))(bgr)
    assert found.tolist() == [[9, 19, 51, 101]], "the other one's label is 3"
    for name, raw in (("all.onnx", 0), ("raw.onnx", 3)):
        finder = PeopleFinder(load_detector(detector(tmp_path / name, labels=False, raw=raw), "cpu"))
        assert len(finder(bgr)) == 2, "each once, whatever else it may be"
        assert len(finder(background((128, 128)))) == 0
