import io
import struct

import numpy as np
import pytest
from pose_format import Pose, PoseHeader
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeaderComponent, PoseHeaderDimensions
from pose_format.utils.openpose import OpenPose_Components
from pose_format.utils.openpose_135 import OpenPose_Components as OpenPose_135

from skeletor.io import pose_format
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75, SIGNING_50
from skeletor.support.errors import InputError
from tests.skeletor.io.signer import signer, write_pose_file


def library_file(path, components, frames=4, people=1, dims=2, seed=0, edit=None):
    """Write a file as another tool would; gives its (T, P, J, D) values and (T, P, J) confidences."""
    header = PoseHeader(0.2, PoseHeaderDimensions(210, 260, 0), components)
    rng = np.random.default_rng(seed)
    data = rng.uniform(1, 200, (frames, people, header.total_points(), dims)).astype(np.float32)
    confidence = rng.uniform(0.1, 1, data.shape[:3]).astype(np.float32)
    if edit:
        edit(data, confidence)
    with open(path, "wb") as file:
        Pose(header, NumPyPoseBody(25.0, data, confidence)).write(file)
    return data, confidence


def holistic(fields="XYZC"):
    # the names as pose-format's holistic module has them (importing it needs MediaPipe)
    mediapipe = pytest.importorskip("pose_format.utils.holistic")
    return mediapipe.holistic_components(fields)


def as_version_01(content: bytes, header_bytes: int, frames: int) -> bytes:
    """Rewrite a version 0.2 file as 0.1: other version, 16 bit rate and frame count."""
    body = content[header_bytes:]
    fps, _, people = struct.unpack_from("<fIH", body)
    return struct.pack("<f", 0.1) + content[4:header_bytes] + struct.pack("<HHH", int(fps), frames, people) + body[10:]


def header_size(components) -> int:
    buffer = io.BytesIO()
    PoseHeader(0.2, PoseHeaderDimensions(210, 260, 0), components).write(buffer)
    return len(buffer.getvalue())


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("skeleton", [SIGNING_50, BODY25_HANDS, MEDIAPIPE_75], ids=lambda s: s.name)
def test_round_trip(tmp_path, make, assert_same, skeleton, dims):
    pose = make(skeleton, 7, dims)
    pose_format.write_pose(pose, tmp_path / "a.pose")
    read = pose_format.read_pose(tmp_path / "a.pose")
    assert_same(read, pose)
    assert read.provenance.image_size == (210, 260) and read.provenance.units == "pixel"


def test_unit_is_not_taken_for_pixels(tmp_path, make):
    pose = make().replace(units="shoulder")
    pose_format.write_pose(pose, tmp_path / "a.pose")
    assert pose_format.read_pose(tmp_path / "a.pose").provenance.units == "unknown"


def test_openpose_137_joints_are_where_they_belong(tmp_path):
    data, confidence = library_file(tmp_path / "a.pose", OpenPose_Components)
    pose = pose_format.read_pose(tmp_path / "a.pose")
    assert pose.skeleton == BODY25_HANDS and pose.provenance.estimator == "openpose"
    columns = [*range(25), *range(95, 137)]  # body, 70 of the face, both hands
    np.testing.assert_array_equal(pose.keypoints, data[:, 0, columns])
    np.testing.assert_array_equal(pose.confidence, confidence[:, 0, columns])


def test_openpose_135_neck_and_hand_roots(tmp_path):
    data, _ = library_file(tmp_path / "a.pose", OpenPose_135)
    pose = pose_format.read_pose(tmp_path / "a.pose")
    names = OpenPose_135[0].points

    def joint(name):
        return pose.keypoints[:, BODY25_HANDS.index(name)]

    def point(name):
        return data[:, 0, names.index(name)]

    np.testing.assert_allclose(joint("neck"), (point("LShoulder") + point("RShoulder")) / 2, rtol=1e-5)
    np.testing.assert_array_equal(joint("right_hand_root"), point("RWrist"))
    np.testing.assert_array_equal(joint("left_wrist"), point("LWrist"))
    np.testing.assert_array_equal(joint("left_hand_index_4"), point("LIndex4FingerTip"))
    np.testing.assert_array_equal(joint("left_ankle"), point("LAnkle"))


def test_holistic_drops_face_world_and_depth(tmp_path):
    components = holistic()
    data, _ = library_file(tmp_path / "a.pose", components, dims=3)
    pose = pose_format.read_pose(tmp_path / "a.pose")
    assert pose.skeleton == MEDIAPIPE_75 and pose.dims == 2
    columns = [*range(33), *range(501, 543)]
    np.testing.assert_array_equal(pose.keypoints, data[:, 0, columns, :2])


def test_reduced_file_leaves_the_rest_missing(tmp_path):
    body = OpenPose_Components[0]
    upper = PoseHeaderComponent(body.name, body.points[:8], [], [], "XYC")
    library_file(tmp_path / "a.pose", [upper])
    pose = pose_format.read_pose(tmp_path / "a.pose")
    assert pose.skeleton == BODY25_HANDS
    assert not pose.missing[:, :8].any()
    assert pose.missing[:, BODY25_HANDS.group("left_hand")].all() and pose.missing[:, 10].all()


def test_unknown_layout_gets_its_own_skeleton(tmp_path):
    tree = PoseHeaderComponent("cat", ["head", "back", "tail"], [(0, 1), (1, 2)], [(0, 0, 0)] * 2, "XYC")
    data, _ = library_file(tmp_path / "a.pose", [tree])
    pose = pose_format.read_pose(tmp_path / "a.pose")
    assert pose.skeleton.joints == ("head", "back", "tail") and pose.skeleton.parents == (-1, 0, 1)
    np.testing.assert_array_equal(pose.keypoints, data[:, 0])


def test_limbs_in_a_circle_make_no_endless_skeleton(tmp_path):
    ring = PoseHeaderComponent("ring", list("abc"), [(0, 1), (1, 2), (2, 0), (1, 1)], [(0, 0, 0)] * 4, "XYC")
    library_file(tmp_path / "a.pose", [ring])
    assert pose_format.read_pose(tmp_path / "a.pose").skeleton.parents == (-1, 0, 1)


def test_masked_values_are_missing(tmp_path):
    def edit(data, confidence):
        confidence[1, 0, 30:] = 0

    library_file(tmp_path / "a.pose", [*OpenPose_Components[:1], *OpenPose_Components[2:]], edit=edit)
    pose = pose_format.read_pose(tmp_path / "a.pose")
    assert pose.missing[1, 30:].all() and not pose.missing[1, :30].any()
    assert (pose.confidence[1, 30:] == 0).all() and not pose.missing[0].any()


def test_the_one_with_moving_hands_is_the_signer(tmp_path):
    def edit(data, confidence):
        data[:, 0] = data[:1, 0] + 300  # stands still
        data[:, 1] = data[:1, 1]
        data[:, 1, 25:, 0] += np.arange(len(data))[:, None] * 3

    components = [*OpenPose_Components[:1], *OpenPose_Components[2:]]
    data, _ = library_file(tmp_path / "a.pose", components, frames=8, people=2, edit=edit)
    pose = pose_format.read_pose(tmp_path / "a.pose")
    np.testing.assert_array_equal(pose.keypoints, data[:, 1])
    assert pose.provenance.stage("signer").config["people"] == 2
    first = pose_format.read_pose(tmp_path / "a.pose", choose=lambda people: np.zeros(len(people), int))
    np.testing.assert_array_equal(first.keypoints, data[:, 0])


def test_version_01_and_its_frame_count(tmp_path):
    library_file(tmp_path / "a.pose", OpenPose_Components, frames=6)
    content = (tmp_path / "a.pose").read_bytes()
    old = as_version_01(content, header_size(OpenPose_Components), 6)
    (tmp_path / "old.pose").write_bytes(old)
    assert len(pose_format.read_pose(tmp_path / "old.pose")) == 6
    frame = 137 * 3 * 4
    for cut in (frame, 2 * frame, 3 * frame, 1, 7):  # whole frames too: the library would say nothing
        (tmp_path / "cut.pose").write_bytes(old[:-cut])
        with pytest.raises(InputError, match="truncated"):
            pose_format.read_pose(tmp_path / "cut.pose")


@pytest.mark.parametrize("name", ["openpose_137.pose", "openpose_137_example.pose"])
def test_every_truncation_of_a_real_file_is_an_error(shared, tmp_path, name):
    content = (shared / "openpose" / name).read_bytes()
    rng = np.random.default_rng(0)
    for length in [*rng.integers(1, len(content), 150).tolist(), len(content) - 1, len(content) - 137 * 12]:
        (tmp_path / "cut.pose").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"cut\.pose"):
            pose_format.read_pose(tmp_path / "cut.pose")


def test_real_files(shared):
    """Frames and joints counted by pose-format itself."""
    for name, frames in (("openpose_137.pose", 93), ("openpose_137_example.pose", 66)):
        content = (shared / "openpose" / name).read_bytes()
        theirs = Pose.read(content)
        pose = pose_format.read_pose(shared / "openpose" / name)
        assert len(pose) == frames and pose.skeleton == BODY25_HANDS and pose.fps == 24
        columns = [*range(25), *range(95, 137)]
        mask = np.ma.getmaskarray(theirs.body.data)[:, 0, columns, 0]
        np.testing.assert_array_equal(pose.missing, mask)
        np.testing.assert_array_equal(
            np.nan_to_num(pose.keypoints), np.where(mask[..., None], 0, theirs.body.data.data[:, 0, columns])
        )
        assert pose.confidence.max() <= 1


def test_right_is_the_signers_right_in_real_files(shared):
    pose = pose_format.read_pose(shared / "openpose" / "openpose_137.pose")
    right, left = (np.nanmedian(pose.keypoints[:, pose.skeleton.index(f"{s}_shoulder"), 0]) for s in ("right", "left"))
    assert right < left


@pytest.mark.parametrize("said", [0.0, float("nan"), float("inf"), -25.0, 0.001, 1e9])
def test_a_rate_that_is_none_is_given_or_asked_for(tmp_path, said):
    components = {"pose": ["nose", "left_shoulder", "right_shoulder"]}
    values = np.tile([[[[5.0, 5.0], [9.0, 9.0], [1.0, 9.0]]]], (3, 1, 1, 1))
    write_pose_file(tmp_path / "a.pose", components, values, fps=said)
    with pytest.raises(InputError, match="--fps"):
        pose_format.read_pose(tmp_path / "a.pose")
    assert pose_format.read_pose(tmp_path / "a.pose", fps=30.0).fps == 30
    assert next(iter(pose_format.read_all(tmp_path / "a.pose", 25.0).values())).fps == 25


def test_version_00_with_several_people(tmp_path):
    """The library would give the first one only."""
    still, moving = signer(5, moves=0), signer(5, centre=(300, 100))
    joints = ["nose", "left_shoulder", "right_shoulder", "left_wrist", "right_wrist"]
    write_pose_file(tmp_path / "a.pose", {"pose": joints}, np.stack([still[j] for j in joints], 1)[:, None])
    content = (tmp_path / "a.pose").read_bytes()
    size = len(content) - 10 - 5 * 5 * 3 * 4
    body = struct.pack("<HH", 25, 5)
    for t in range(5):
        people = [still, moving] if t % 2 else [moving, still]
        rows = [np.array([[*p[j][t], 0.5] for j in joints], "<f4").tobytes() for p in people]
        body += struct.pack("<H", 2) + b"".join(struct.pack("<h", k) + row for k, row in enumerate(rows))
    (tmp_path / "b.pose").write_bytes(struct.pack("<f", 0.0) + content[4:size] + body)
    pose = pose_format.read_pose(tmp_path / "b.pose")
    np.testing.assert_allclose(pose.keypoints[:, pose.skeleton.index("nose")], moving["nose"], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c[:10] + struct.pack("<H", 60000) + c[12:], "60000 components"),
        (lambda c: c[:23] + struct.pack("<H", 60000) + c[25:], "4096 points"),
        (lambda c: c[:-10] + b"", "truncated"),
        (lambda c: c + b"\0" * 4, "4 bytes follow its 1 frames"),
        (lambda c: c[:-42] + struct.pack("<H", 40000) + c[-40:], "truncated|holds|40000"),
        (lambda c: struct.pack("<f", 0.7) + c[4:], "version"),
    ],
)
def test_headers_that_ask_for_too_much(tmp_path, change, reason):
    values = np.ones((1, 1, 3, 2))
    write_pose_file(tmp_path / "a.pose", {"pose": ["a", "b", "c"]}, values)
    content = (tmp_path / "a.pose").read_bytes()
    assert content[10:12] == struct.pack("<H", 1) and content[23:25] == struct.pack("<H", 3)
    (tmp_path / "a.pose").write_bytes(change(content))
    with pytest.raises(InputError, match=reason):
        pose_format.read_pose(tmp_path / "a.pose")


@pytest.mark.parametrize(
    "components", [{"pose": ["a", "b", "c"]}, {"pose_keypoints_2d": ["Nose", "LShoulder", "RShoulder"]}]
)
def test_a_file_without_frames_is_an_empty_clip(tmp_path, components):
    write_pose_file(tmp_path / "a.pose", components, np.ones((0, 1, 3, 2)))
    assert len(pose_format.read_pose(tmp_path / "a.pose")) == 0


def test_impossible_coordinates(tmp_path):
    values = np.ones((1, 1, 3, 2))
    values[0, 0, 1] = 1e30
    write_pose_file(tmp_path / "a.pose", {"pose": ["a", "b", "c"]}, values)
    with pytest.raises(InputError, match="coordinate of 1e"):
        pose_format.read_pose(tmp_path / "a.pose")


def test_a_crowd_is_refused(tmp_path):
    write_pose_file(tmp_path / "a.pose", {"pose": ["a", "b", "c"]}, np.ones((1, 300, 3, 2)))
    with pytest.raises(InputError, match="300 people"):
        pose_format.read_pose(tmp_path / "a.pose")


def test_file_without_people(tmp_path):
    library_file(tmp_path / "a.pose", OpenPose_Components, people=0)
    with pytest.raises(InputError, match="nobody"):
        pose_format.read_pose(tmp_path / "a.pose")
