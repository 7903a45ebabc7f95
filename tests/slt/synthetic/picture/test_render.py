import dataclasses
import time

import cv2
import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from slt.synthetic.language.grammar import draw_glosses
from slt.synthetic.picture.camera import Camera, random_camera
from slt.synthetic.picture.limbs import Hand, Scene, arms_and_hands
from slt.synthetic.picture.look import Look, luma, random_look
from slt.synthetic.picture.render import BROADCAST, QUALITIES, STUDIO, Quality, _at, _exposures, _Strokes, render_frames
from slt.synthetic.signing.handshapes import HANDSHAPES, hand_joints
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import SIGNERS

CLEAN = Quality("clean", 200, 240)
CAMERA = Camera(200, 240, 250.0, 3.0, centre=(100.0, 80.0))
LOOK = dataclasses.replace(
    random_look(np.random.default_rng(0)),
    skin=(222.0, 180.0, 150.0),
    palm=(226.0, 180.0, 155.0),
    clothes=(30.0, 40.0, 60.0),
    wall_top=(120.0, 160.0, 130.0),
    wall_bottom=(120.0, 160.0, 130.0),
    texture="plain",
)


def posed(shift: float = 0.0, palms: bool = True) -> np.ndarray:
    """(50, 3) flat hands before the chest, fingers up; `shift` moves the right hand to the signer's left."""
    joints = np.zeros((50, 3))
    joints[0] = [0, -0.19, 0.08]
    for side, first, wrist in ((-1, 2, [-0.2 + shift, 0.15, 0.25]), (1, 5, [0.2, 0.15, 0.25])):
        joints[first] = [side * 0.18, 0, 0]
        joints[first + 1] = [side * 0.25, 0.28, 0.05]
        joints[first + 2] = wrist
        # in the picture the thumb of a right hand (side -1) whose palm is seen points to larger x
        turn = np.array([-side, -1, 1]) if palms else np.array([side, -1, -1])
        start = 29 if side < 0 else 8
        joints[start : start + 21] = np.array(wrist) + hand_joints(HANDSHAPES["five"]) * turn
    return joints


def sequence(joints: list[np.ndarray]) -> PoseSequence:
    values = np.stack(joints).astype(np.float32)
    return PoseSequence(values, np.ones(values.shape[:2]), 25, SIGNING_50)


def draw(joints: list[np.ndarray], quality: Quality = CLEAN, look: Look = LOOK, camera: Camera = CAMERA) -> np.ndarray:
    return np.stack(list(render_frames(sequence(joints), look, camera, quality, np.random.default_rng(0))))


def is_skin(frames: np.ndarray, look: Look = LOOK) -> np.ndarray:
    """Nearer in hue to the skin than to cloth or wall."""
    values = frames.astype(float)
    share = values / np.maximum(values.sum(-1, keepdims=True), 1)
    tones = np.array([look.skin, look.clothes, look.wall_top])
    nearest = np.linalg.norm(share[..., None, :] - tones / tones.sum(1, keepdims=True), axis=-1).argmin(-1)
    return (nearest == 0) & (values.sum(-1) > 150)


@pytest.mark.parametrize("quality", QUALITIES.values(), ids=lambda q: q.name)
def test_one_frame_per_pose_of_the_cameras_size_and_the_same_again(quality):
    pose = sequence([posed(0.02 * t) for t in range(5)])
    camera = random_camera(quality, np.random.default_rng(0), pose)
    first, again = (
        np.stack(list(render_frames(pose, LOOK, camera, quality, np.random.default_rng(7)))) for _ in range(2)
    )
    assert first.shape == (5, quality.height, quality.width, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)


def test_every_joint_of_a_hand_is_painted_in_skin_where_it_is_projected():
    frame = draw([posed()])[0]
    skin = is_skin(frame)
    for start in (8, 29):
        pixels = CAMERA.project(posed()[start : start + 21])
        inside = np.floor(pixels).astype(int)
        assert skin[inside[:, 1], inside[:, 0]].mean() > 0.85  # outlines and creases are darker
        wide = pixels[9] + [0, -45]  # above the fingers: nothing of the hand
        assert not skin[int(wide[1]), int(wide[0])]


def test_the_picture_of_a_mirrored_pose_is_the_mirrored_picture():
    look = dataclasses.replace(LOOK, light=(0.0, -0.6, 0.8), neckline="round")
    mirrored = posed(0.05)[SIGNING_50.mirror] * [-1, 1, 1]
    plain, other = draw([posed(0.05)], look=look)[0], draw([mirrored], look=look)[0]
    apart = np.abs(plain.astype(int) - other[:, ::-1]).max(-1)
    assert (apart > 60).mean() < 0.03  # the face is lit from one side; drawing rounds differently


def test_palm_and_back_are_told_apart_on_both_hands():
    for palms in (True, False):
        joints = posed(palms=palms)[None]
        for start, left in ((8, True), (29, False)):
            hand = Hand(joints[:, start : start + 21], 1.0, left)
            assert (hand.palm_normal[0, 2] > 0.9) == palms
            assert (hand.palm_normal[0, 2] < -0.9) != palms
            assert hand.back_share[0] == (0 if palms else 1)
            fingers = hand.dorsal[0, 3:, 2]  # straight fingers: their backs face as the hand's back does
            assert ((fingers < -0.8) if palms else (fingers > 0.8)).all()


def test_nails_are_seen_from_the_back_only():
    look = dataclasses.replace(LOOK, nails=(255.0, 0.0, 255.0))
    close = Camera(240, 240, 900.0, 3.0, target=(-0.2, 0.05, 0.25), centre=(120.0, 120.0))
    counts = []
    for palms in (True, False):
        frame = draw([posed(palms=palms)], look=look, camera=close)[0].astype(int)
        counts.append(int(((frame[..., 0] > 100) & (frame[..., 2] > 100) & (frame[..., 1] < 60)).sum()))
    assert counts[0] < 60 < 150 < counts[1]  # the thumb's nail may show from its side


def test_the_hand_in_front_covers_the_one_behind():
    look = dataclasses.replace(LOOK, palm=(230.0, 40.0, 230.0))  # the right hand shows its palm, the left its back
    for right_depth, palm_seen in ((0.08, True), (-0.08, False)):
        joints, backs = posed(), posed(palms=False)
        joints[8:29] = backs[8:29] + joints[29] - joints[8] - [0, 0, right_depth]
        x, y = np.floor(CAMERA.project(joints[29:50][[0, 5, 17]].mean(0))).astype(int)
        colour = draw([joints], look=look)[0][y - 1 : y + 2, x - 1 : x + 2].mean((0, 1))
        assert (colour[1] < 80) == palm_seen, colour


def test_a_moving_hand_is_blurred_and_a_still_one_is_not():
    moving = [posed(0.03 * t) for t in range(4)]
    blurred = dataclasses.replace(CLEAN, shutter=1.0, sub_times=6)
    sharp, soft = draw(moving)[2], draw(moving, blurred)[2]
    box = np.s_[60:130, 30:110]  # around the right hand
    assert cv2.Laplacian(soft[box], cv2.CV_64F).var() < 0.6 * cv2.Laplacian(sharp[box], cv2.CV_64F).var()
    np.testing.assert_array_equal(draw([posed()] * 3, blurred)[1], draw([posed()] * 3)[1])


def test_odd_rows_are_the_later_field():
    moving = [posed(0.04 * t) for t in range(4)]  # to larger x
    frame = draw(moving, dataclasses.replace(CLEAN, interlaced=True))[2]
    skin = is_skin(frame)
    skin[:, 130:] = False  # the left hand stands still
    skin[:104] = False  # face and neck too
    where = np.arange(skin.shape[1])

    def centre(rows: np.ndarray) -> float:
        return float((rows * where).sum() / rows.sum())

    step = 0.04 * 250 * 3 / (3 - 0.25)  # pixels per frame
    assert centre(skin[1::2]) - centre(skin[::2]) == pytest.approx(step / 2, rel=0.35)
    still = draw([posed()] * 2, dataclasses.replace(CLEAN, interlaced=True))[1]
    np.testing.assert_array_equal(still, draw([posed()] * 2)[1])


@pytest.mark.parametrize("quality", QUALITIES.values(), ids=lambda q: q.name)
def test_exposures_are_centred_on_their_frames(quality):
    pose = sequence([posed(0.03 * t * (t < 6)) for t in range(9)])
    plan = _exposures(CAMERA.view(pose.keypoints), CAMERA, quality)
    assert plan.counts.sum() == len(plan.times) and (plan.counts <= 2 * quality.sub_times).all()
    for t, (first, count) in enumerate(zip(plan.first, plan.counts, strict=True)):
        times = plan.times[first : first + count]
        assert times.mean() == pytest.approx(t) and np.abs(times - t).max() < 0.5
        assert (np.diff(times) > 0).all() and count % plan.fields[t] == 0
    if quality.shutter:
        assert plan.counts[2] > plan.counts[8] == 1


def test_poses_between_frames_are_interpolated():
    values = np.arange(4.0)[:, None, None] * np.ones((1, 50, 3))
    np.testing.assert_allclose(_at(values, np.array([-0.4, 0.25, 1.5, 3.3]))[:, 7, 1], [0, 0.25, 1.5, 3])


def test_arms_that_are_apart_are_painted_as_if_together():
    moving = [posed(0.03 * t) for t in range(4)]
    viewed = CAMERA.view(np.stack(moving))
    strokes = _Strokes(*arms_and_hands(viewed, (0.095, 0.095), Scene(LOOK, CAMERA)), 2)
    left, right = strokes.regions(range(4), 2, np.array([0, 2]))
    assert [len(instants) for instants in left.instants] == [1]
    assert [instants.tolist() for instants in right.instants] == [[0, 1], [2, 3]]
    whole, parts = np.zeros((480, 400, 3), np.uint8), np.zeros((480, 400, 3), np.uint8)
    strokes._together.paint(whole, 1)
    for region in (left, right):
        region.strokes.paint(parts, 1)
        inside = np.argwhere(parts.any(-1))[:, ::-1]
        assert (inside.min(0) >= np.minimum(left.box, right.box)[:2]).all()
    np.testing.assert_array_equal(whole, parts)
    crossing = CAMERA.view(posed(0.4)[None])
    strokes = _Strokes(*arms_and_hands(crossing, (0.095, 0.095), Scene(LOOK, CAMERA)), 2)
    assert len(strokes.regions(range(1), 1, np.array([0, 1]))) == 1


def test_noise_is_as_strong_as_stated():
    noisy = dataclasses.replace(CLEAN, noise=4.0)
    difference = draw([posed()] * 2, noisy).astype(int) - draw([posed()] * 2)
    assert difference.std() == pytest.approx(4.0, rel=0.15)
    assert (difference[0] != difference[1]).mean() > 0.5  # other grain in each frame


def test_poses_that_cannot_be_drawn_are_refused():
    gap = posed()
    gap[12] = np.nan
    confidence = np.ones((1, 50))
    confidence[0, 12] = 0
    bad = [
        (PoseSequence(gap[None], confidence, 25, SIGNING_50), "missing"),
        (PoseSequence(posed()[None, :, :2], np.ones((1, 50)), 25, SIGNING_50), "2D"),
        (PoseSequence(np.zeros((1, 67, 3)), np.ones((1, 67)), 25, BODY25_HANDS), "body25"),
    ]
    for pose, reason in bad:
        with pytest.raises(InputError, match=reason):
            next(iter(render_frames(pose, LOOK, CAMERA, CLEAN, np.random.default_rng(0))))
    assert list(render_frames(sequence([posed()]).frames(0, 0), LOOK, CAMERA, CLEAN, np.random.default_rng(0))) == []


def test_longer_clips_do_not_change_at_the_seams_of_chunks():
    frames = draw([posed()] * 70)
    assert (frames == frames[0]).all()


def test_bad_qualities_are_refused():
    for change in (dict(width=0), dict(sub_times=0), dict(shutter=1.5)):
        with pytest.raises(InputError, match="quality"):
            dataclasses.replace(CLEAN, **change)


def signed(seed: int, quality: Quality) -> tuple[PoseSequence, Camera, Look]:
    rng = np.random.default_rng(seed)
    pose = perform(draw_glosses(rng), SIGNERS[seed % len(SIGNERS)], rng).pose
    return pose, random_camera(quality, rng, pose), random_look(rng)


def test_signing_people_are_drawn_whole():
    pose, camera, look = signed(3, STUDIO)
    frame = next(iter(render_frames(pose, look, camera, STUDIO, np.random.default_rng(0))))
    x, y = np.floor(camera.project(pose.keypoints[0, 1] + [0, 0.25, 0])).astype(int)  # the chest
    assert abs(luma(frame[y, x]) - luma(look.clothes)) < 40
    corner = frame[:8, :8].reshape(-1, 3).mean(0)
    assert abs(luma(corner) - luma(look.wall_top)) < 20


@pytest.mark.slow
def test_broadcast_is_rendered_at_60_frames_per_second_and_core():
    rates = []
    for seed in range(3):
        pose, camera, look = signed(seed, BROADCAST)
        start = time.process_time()
        count = sum(1 for _ in render_frames(pose, look, camera, BROADCAST, np.random.default_rng(0)))
        rates.append(count / (time.process_time() - start))
    assert max(rates) > 60


@pytest.mark.slow
def test_mediapipe_sees_the_studio_signer(tmp_path):
    from slt.estimators.mediapipe.estimator import MediaPipeOptions
    from slt.estimators.registry import build_estimator
    from slt.video import write_video

    estimator = build_estimator(MediaPipeOptions())
    body, hands, errors = [], [], []
    for seed in (1, 2, 3):
        pose, camera, look = signed(seed, STUDIO)
        path = tmp_path / f"{seed}.mp4"
        frames = render_frames(pose, look, camera, STUDIO, np.random.default_rng(0))
        write_video(path, frames, pose.fps, crf=STUDIO.crf)
        found = estimator(path).to_skeleton(SIGNING_50).keypoints
        truth = camera.project(pose.keypoints)
        body.append(~np.isnan(found[:, :8]).all((1, 2)))
        for start in (8, 29):
            own = truth[:, start : start + 21]
            seen = ((own > 0) & (own < [camera.width, camera.height])).all((1, 2))
            palm = 0.095 * camera.scale
            error = np.linalg.norm(found[:, start : start + 21] - own, axis=-1).mean(1)[seen] / palm
            hands.append(~np.isnan(error))
            errors.append(error[~np.isnan(error)])
    assert np.concatenate(body).mean() >= 0.99
    assert np.concatenate(hands).mean() >= 0.85
    assert np.median(np.concatenate(errors)) <= 0.12
