import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.synthetic.picture.camera import Camera, random_camera
from slt.synthetic.picture.quality import BROADCAST, QUALITIES, STUDIO
from slt.synthetic.signing.motion import perform_idle
from slt.synthetic.signing.signers import SIGNERS

ANGLE = st.floats(-0.5, 0.5)


def plain(**changes) -> Camera:
    values = dict(width=200, height=100, scale=100.0, distance=2.0, centre=(100.0, 50.0))
    return Camera(**{**values, **changes})


def signing(seed: int = 0) -> PoseSequence:
    return perform_idle(SIGNERS[seed % len(SIGNERS)], np.random.default_rng(seed), 1.0).pose


def test_a_frontal_camera_scales_and_keeps_the_axes():
    camera = plain()
    np.testing.assert_allclose(camera.project(np.array([0.0, 0, 0])), [100, 50])
    np.testing.assert_allclose(camera.project(np.array([0.3, 0.2, 0])), [130, 70])
    np.testing.assert_allclose(camera.view(np.array([0.3, 0.2, 0.1])), [0.3, 0.2, 0.1])


def test_what_is_nearer_is_larger():
    camera = plain()
    near, far = camera.project(np.array([[0.1, 0, 1.0], [0.1, 0, -2.0]]))[:, 0] - 100
    assert near == pytest.approx(20) and far == pytest.approx(5)


@given(ANGLE, ANGLE, ANGLE)
def test_view_is_a_rotation_about_the_target(yaw, pitch, roll):
    camera = plain(yaw=yaw, pitch=pitch, roll=roll, target=(0.1, 0.2, 0.3))
    np.testing.assert_allclose(camera.rotation @ camera.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(camera.rotation) == pytest.approx(1)
    np.testing.assert_allclose(camera.view(np.array([0.1, 0.2, 0.3])), 0, atol=1e-12)


def test_yaw_pitch_and_roll_turn_about_their_own_axes():
    ahead, right = np.array([0.0, 0, 1]), np.array([1.0, 0, 0])
    assert plain(yaw=0.3).view(ahead)[0] == pytest.approx(np.sin(0.3))
    assert plain(pitch=0.3).view(ahead)[1] == pytest.approx(-np.sin(0.3))
    assert plain(roll=0.3).view(right)[1] == pytest.approx(np.sin(0.3))


def test_shapes_are_kept():
    points = np.zeros((4, 50, 3), np.float32)
    assert plain().view(points).shape == (4, 50, 3) and plain().project(points).shape == (4, 50, 2)


@pytest.mark.parametrize("quality", QUALITIES.values(), ids=lambda q: q.name)
@pytest.mark.parametrize("seed", range(12))
def test_random_camera_frames_head_hands_and_belly(quality, seed):
    pose = signing(seed)
    camera = random_camera(quality, np.random.default_rng(seed), pose)
    body = np.median(pose.keypoints, 0)
    points = np.concatenate([body, [body[0] - [0, 0.16, 0], body[1] + [0, 0.4, 0]]])
    flat = camera.project(points)
    assert (flat > -0.02 * quality.width).all()
    assert (flat < np.array([quality.width, quality.height]) * 1.02).all()
    span = flat.max(0) - flat.min(0)
    assert (span / [quality.width, quality.height]).max() > 0.6  # and fills the picture


def test_random_cameras_differ_and_repeat():
    pose = signing()
    first, again, other = (random_camera(BROADCAST, np.random.default_rng(s), pose) for s in (1, 1, 2))
    assert first == again and first != other
    larger = random_camera(STUDIO, np.random.default_rng(1), pose)
    assert (larger.yaw, larger.distance) == (first.yaw, first.distance) and larger.scale > first.scale


def test_the_signers_right_is_at_smaller_x():
    pose = signing()
    pixels = random_camera(STUDIO, np.random.default_rng(0), pose).project(pose.keypoints)
    for left, right in SIGNING_50.pairs[:2]:
        assert (pixels[:, right, 0] < pixels[:, left, 0]).all()


def test_bad_cameras_and_poses_are_refused():
    for change in (dict(scale=0.0), dict(distance=-1.0), dict(width=0)):
        with pytest.raises(InputError, match="above 0"):
            plain(**change)
    flat = PoseSequence(np.zeros((3, 50, 2)), np.ones((3, 50)), 25, SIGNING_50)
    with pytest.raises(InputError, match="3D"):
        random_camera(STUDIO, np.random.default_rng(0), flat)
