"""Pictures of skeletons."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.inference.view import COLOURS, Window, draw, make_still, make_view, to_picture
from slt.video import open_video, write_video

WIDTH, HEIGHT, FRAMES = 120, 160, 10


def signer(frames: int = FRAMES, fps: float = 25.0) -> PoseSequence:
    """A person within the picture whose left hand moves to the right edge."""
    body = np.array([(60, 30), (60, 50), (40, 50), (35, 80), (45, 100), (80, 50), (85, 80), (75, 100)], float)
    finger = np.stack([np.arange(21) % 5 * 2.0, np.arange(21) / 2.0], 1)
    frame = np.concatenate([body, body[7] + finger, body[4] - finger])
    keypoints = np.repeat(frame[None], frames, 0)
    keypoints[:, 8:29, 0] += np.arange(frames)[:, None]
    provenance = Provenance("a.mp4", image_size=(WIDTH, HEIGHT), estimator="mediapipe", units="pixel")
    return PoseSequence(keypoints, np.ones((frames, 50)), fps, SIGNING_50, provenance)


def without(pose: PoseSequence, *joints: int) -> PoseSequence:
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[:, list(joints)], confidence[:, list(joints)] = np.nan, 0
    return pose.replace(keypoints, confidence)


def painted(panel: np.ndarray, group: str) -> int:
    """Pixels that have just the colour of a group."""
    return int((panel == COLOURS[group]).all(-1).sum())


WINDOW = Window(0, 0, WIDTH, HEIGHT, (WIDTH, HEIGHT))


def test_groups_have_their_colours_and_missing_ones_are_not_drawn() -> None:
    pose = signer()
    whole = draw(pose, 0, WINDOW)
    assert whole.shape == (HEIGHT, WIDTH, 3) and all(painted(whole, g) > 10 for g in COLOURS)
    for group in COLOURS:
        panel = draw(without(pose, *SIGNING_50.group(group)), 0, WINDOW)
        assert painted(panel, group) == 0
        assert all(painted(panel, other) > 10 for other in COLOURS if other != group)
    nobody = draw(without(pose, *range(50)), 0, WINDOW)
    assert (nobody == 255).all()
    no_elbow = draw(without(pose, SIGNING_50.index("right_elbow")), 0, WINDOW)
    assert (no_elbow[65, 25:50] == 255).all() and not (whole[65, 25:50] == 255).all(), "nor are bones to it"


def test_joints_are_where_they_should_be() -> None:
    pose = signer()
    for scale in (1, 3):
        window = Window(10, 20, 90, 100, (90 * scale, 100 * scale))
        panel = draw(pose, 0, window)
        for joint in range(8):
            x, y = ((pose.keypoints[0, joint] - (10, 20)) * scale).round().astype(int)
            assert (panel[y, x] != 255).any()


def test_far_away_joints_do_no_harm() -> None:
    keypoints = signer().keypoints.copy()
    keypoints[:, 7] = 1e6
    assert draw(signer().replace(keypoints), 0, WINDOW).shape == (HEIGHT, WIDTH, 3)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    write_video(path, [np.full((HEIGHT, WIDTH, 3), 10 * k, np.uint8) for k in range(FRAMES)], 25)
    return path


def test_view(tmp_path: Path, video: Path) -> None:
    raw = signer()
    refined = normalise(without(raw, *SIGNING_50.group("left_hand")))
    solid = refined.replace(np.concatenate([refined.keypoints, refined.keypoints[..., :1]], 2))
    assert make_view(video, raw, solid, tmp_path / "view.mp4") == FRAMES
    with open_video(tmp_path / "view.mp4") as out:
        frames = list(out)
        assert out.fps == 25 and len(frames) == FRAMES and out.width == 3 * 360
    for k, frame in enumerate(frames):
        picture, left, right = np.split(frame, 3, axis=1)
        assert picture[100:].mean() == pytest.approx(10 * k, abs=3), "each frame beside its own picture"
        blue = [(np.abs(p.astype(int) - COLOURS["left_hand"]).max(-1) < 40).sum() for p in (left, right)]
        assert blue[0] > 50 and blue[1] == 0
    assert make_view(video, raw, None, tmp_path / "two.mp4") == FRAMES
    assert open_video(tmp_path / "two.mp4").width == 2 * 360


def test_view_of_another_rate_and_length(tmp_path: Path, video: Path) -> None:
    """A pose at half the rate and shorter than the video: shown at its place in time, then nothing."""
    make_view(video, signer(3, fps=12.5), None, tmp_path / "view.mp4")
    frames = [frame[30:, 360:] for frame in open_video(tmp_path / "view.mp4")]
    shown = [round(k / 25 * 12.5) < 3 for k in range(FRAMES)]
    assert [bool((f < 120).any()) for f in frames] == shown and True in shown and False in shown


def test_still(tmp_path: Path, video: Path) -> None:
    raw = signer()
    make_still(raw, normalise(raw), tmp_path / "still.png", video=video, frames=[0, 4, 9])
    image = cv2.imread(str(tmp_path / "still.png"))
    height, width = image.shape[0] // 3, image.shape[1] // 3
    cells = [
        [image[r * height + 30 : (r + 1) * height, c * width : (c + 1) * width] for c in range(3)] for r in range(3)
    ]
    assert np.abs(cells[1][2].astype(int) - cells[2][2]).mean() < 1, "normalising and back changes nothing"
    assert np.abs(cells[1][0].astype(int) - cells[1][2]).mean() > 1, "other frames look different"
    assert [round(float(cell.mean()) / 10) for cell in cells[0]] == [0, 4, 9]
    make_still(raw, None, tmp_path / "one.png")
    assert cv2.imread(str(tmp_path / "one.png")) is not None


def test_bad_requests(tmp_path: Path, video: Path) -> None:
    metres = PoseSequence(np.zeros((3, 50, 3)), np.ones((3, 50)), 25, SIGNING_50, Provenance("truth", units="metre"))
    with pytest.raises(InputError, match="metre"):
        to_picture(metres)
    with pytest.raises(InputError, match="frames"):
        make_still(signer(), None, tmp_path / "a.png", frames=[99])
    with pytest.raises(InputError, match="no joint"):
        make_still(without(signer(), *range(50)), None, tmp_path / "a.png")
    with pytest.raises(InputError, match="no such file"):
        make_view(tmp_path / "none.mp4", signer(), None, tmp_path / "b.mp4")
    assert {p.name for p in tmp_path.iterdir()} == {"a.mp4"}
