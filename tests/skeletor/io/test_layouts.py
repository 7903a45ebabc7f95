"""Every layout of the field, from files whose truth is known."""

import importlib

import numpy as np
import pytest

from skeletor.io import native, openpose_json, pose_format
from skeletor.io.formats import read_pose, read_poses
from skeletor.io.layouts import LAYOUTS, by_names, choose, doubts, joint_of, layout_named, layouts_of, writing_names
from skeletor.io.layouts.units import unit_of
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50, custom_skeleton
from skeletor.support.errors import InputError
from tests.skeletor.io.signer import flat, in_layout, person, signer, write_json, write_pose_file

# Points of this kind have a body that can be told from others of equal number, without hands of its own, in JSON.
BODIES = [name for name in LAYOUTS if name not in ("body25_hands", "signing_50")]
ALL = list(LAYOUTS)


def assert_joints(pose: PoseSequence, joints: dict[str, np.ndarray], layout: str, count: int) -> None:
    """All joints of SIGNING_50 that the layout knows are where the truth has them; `count` of them are known."""
    pose = pose.to_skeleton(SIGNING_50)
    known = set(LAYOUTS[layout].columns) | {"neck"}
    seen = 0
    for k, joint in enumerate(SIGNING_50.joints):
        if joint in known or not pose.missing[:, k].all():
            expected = joints[joint]
            if joint.endswith("hand_root") and layout == "body_135":
                expected = joints[joint.replace("hand_root", "wrist")]
            tolerance = 1.5 if joint == "neck" else 1.0
            np.testing.assert_allclose(pose.keypoints[:, k], expected, atol=tolerance, err_msg=f"{layout} {joint}")
            seen += 1
    assert seen >= count


@pytest.mark.parametrize("name", BODIES)
def test_openpose_json_of_every_body(tmp_path, name):
    joints = signer()
    for t in range(12):
        write_json(tmp_path, t, [person(joints, t, LAYOUTS[name])])
    assert_joints(openpose_json.read_pose(tmp_path), joints, name, 49)


@pytest.mark.parametrize("name", [n for n in ALL if any(j and "hand" in j for j in LAYOUTS[n].order)])
def test_pose_files_without_names_of_points(tmp_path, name):
    joints, layout = signer(), LAYOUTS[name]
    write_pose_file(
        tmp_path / "a.pose", {"points": list(map(str, range(len(layout))))}, in_layout(joints, layout)[:, None]
    )
    assert_joints(pose_format.read_pose(tmp_path / "a.pose"), joints, name, 50)


@pytest.mark.parametrize("name", ALL)
def test_a_layout_can_be_given(tmp_path, name):
    """Of one frame with nothing but a wrist, which tells nothing."""
    joints, layout = signer(1), LAYOUTS[name]
    values = np.full((1, 1, len(layout), 2), np.nan)
    values[0, 0, layout.columns["left_wrist"]] = joints["left_wrist"][0]
    write_pose_file(tmp_path / "a.pose", {"points": list(map(str, range(len(layout))))}, values)
    pose = read_pose(tmp_path / "a.pose", skeleton=name.upper())
    np.testing.assert_allclose(pose.keypoints[0, pose.skeleton.index("left_wrist")], joints["left_wrist"][0], rtol=1e-5)
    assert pose.provenance.stage("layout").config["layout"] == name
    plain = PoseSequence(values[:, 0], (values[:, 0, :, 0] > 0) * 0.5, 25.0, custom_skeleton(len(layout)), Provenance())
    native.write_pose(plain, tmp_path / "a.safetensors")
    again = read_pose(tmp_path / "a.safetensors", skeleton=name)
    np.testing.assert_array_equal(again.keypoints, pose.keypoints)
    with pytest.raises(InputError, match="points"):
        read_pose(tmp_path / "a.pose", skeleton="mpi_15" if len(layout) != 15 else "body_25")
    with pytest.raises(InputError, match="no layout is called"):
        read_pose(tmp_path / "a.pose", skeleton="nothing")


def named(module: str, call: str):
    found = getattr(importlib.import_module(f"pose_format.utils.{module}"), call)
    return found() if callable(found) else found


@pytest.mark.parametrize(
    ("layout", "module", "call"),
    [
        ("openpose_137", "openpose", "OpenPose_Components"),
        ("body_135", "openpose_135", "OpenPose_Components"),
        ("coco_wholebody_133", "cocowholebody133_header", "cocowholebody_components"),
        ("coco_wholebody_133", "alphapose_133", "get_alphapose_133_components"),
        ("halpe_136", "alphapose", "get_alphapose_components"),
    ],
)
def test_names_of_pose_formats_own_tools(tmp_path, layout, module, call):
    joints = signer()
    components = {c.name: c.points for c in named(module, call)}
    write_pose_file(tmp_path / "a.pose", components, in_layout(joints, LAYOUTS[layout])[:, None])
    assert_joints(pose_format.read_pose(tmp_path / "a.pose"), joints, layout, 50)


LONG = [
    f"{f}_{k}" for f in ("INDEX_FINGER", "MIDDLE_FINGER", "RING_FINGER", "PINKY") for k in ("MCP", "PIP", "DIP", "TIP")
]
HAND = ["WRIST", "THUMB_CMC", "THUMB_MCP", "THUMB_IP", "THUMB_TIP", *LONG]


def holistic(joints, leave_out=(), world=False, face=468, normalised=False):
    """Components and (T, 1, N, 3) of MediaPipe's holistic."""
    layout = LAYOUTS["mediapipe_75"]
    names = [j.upper() for j in layout.order[:33] if not any(word in j for word in leave_out)]
    body = np.stack([joints[n.lower()] for n in names], 1)
    rng = np.random.default_rng(0)
    face_points = joints["nose"][:, None] + rng.normal(0, 3, (len(body), face, 2))
    hands = [np.stack([joints[j] for j in layout.order[a : a + 21]], 1) for a in (33, 54)]
    components = {
        "POSE_LANDMARKS": names,
        "FACE_LANDMARKS": [str(k) for k in range(face)],
        "LEFT_HAND_LANDMARKS": HAND,
        "RIGHT_HAND_LANDMARKS": HAND,
    }
    flat = np.concatenate([body, face_points, *hands], 1)
    if world:
        components = {"POSE_WORLD_LANDMARKS": names} | components
        flat = np.concatenate([(body - [110, 160]) / 150, flat], 1)
    if normalised:
        flat = flat / [220, 260]
    return components, np.concatenate([flat, np.zeros((*flat.shape[:2], 1))], 2)[:, None]


@pytest.mark.parametrize("face", [128, 468, 478])
@pytest.mark.parametrize("world", [False, True])
def test_holistic(tmp_path, face, world):
    joints = signer()
    write_pose_file(tmp_path / "a.pose", *holistic(joints, world=world, face=face))
    pose = pose_format.read_pose(tmp_path / "a.pose")
    assert pose.dims == 2 and pose.provenance.units == "pixel" and pose.skeleton.name == "mediapipe_75"
    assert_joints(pose, joints, "mediapipe_75", 50)


def test_reduced_holistic_has_no_nose_and_a_neck_between_the_shoulders(tmp_path):
    joints = signer()
    out = ("nose", "eye", "ear", "mouth", "pinky", "index", "thumb", "knee", "ankle", "heel", "foot")
    write_pose_file(tmp_path / "a.pose", *holistic(joints, leave_out=out, face=0))
    pose = pose_format.read_pose(tmp_path / "a.pose").to_skeleton(SIGNING_50)
    assert pose.missing[:, SIGNING_50.index("nose")].all() and not pose.missing[:, 1:].any()
    middle = (joints["left_shoulder"] + joints["right_shoulder"]) / 2
    np.testing.assert_allclose(pose.keypoints[:, SIGNING_50.index("neck")], middle, rtol=1e-5)
    np.testing.assert_allclose(pose.keypoints[:, SIGNING_50.index("left_wrist")], joints["left_wrist"], rtol=1e-5)


def test_the_tip_of_the_nose_in_the_face_stands_for_the_nose(tmp_path, caplog):
    joints = signer()
    components, values = holistic(joints, leave_out=("nose",), face=468)
    values[:, 0, 32 + 1, :2] = joints["nose"]
    write_pose_file(tmp_path / "a.pose", components, values)
    with caplog.at_level("INFO"):
        pose = pose_format.read_pose(tmp_path / "a.pose")
    np.testing.assert_allclose(pose.keypoints[:, 0], joints["nose"], rtol=1e-5)
    assert "FACE_LANDMARKS" in caplog.text


def test_world_landmarks_alone_are_no_pixels(tmp_path):
    components, values = holistic(signer(), world=True, face=0)
    write_pose_file(tmp_path / "a.pose", {"POSE_WORLD_LANDMARKS": components["POSE_LANDMARKS"]}, values[:, :, :33])
    pose = pose_format.read_pose(tmp_path / "a.pose")
    assert pose.provenance.units == "metre"
    with pytest.raises(InputError, match="cannot be mapped"):
        pose.to_skeleton(SIGNING_50)


def test_what_cannot_be_told_is_refused_with_the_names(tmp_path):
    joints = signer()
    body = np.full((25, 2), np.nan)
    body[[0, 1, 2]] = [[10, 10], [12, 12], [14, 14]]
    write_json(tmp_path / "little", 0, [person(joints, pose_keypoints_2d=flat(body))])
    with pytest.raises(InputError, match=r"little: .*--skeleton NAME.*body_25b$") as caught:
        openpose_json.read_pose(tmp_path / "little")
    assert "\n" not in str(caught.value)
    assert read_pose(tmp_path / "little", skeleton="body_25").keypoints[0, 1].tolist() == [12, 12]


def test_points_of_no_known_layout_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    joints = signer()
    for t in range(8):
        body = [v for x, y in rng.uniform(1, 200, (25, 2)) for v in (x, y, 0.9)]
        write_json(tmp_path / "noise", t, [person(joints, t, pose_keypoints_2d=body)])
        write_json(tmp_path / "eleven", t, [person(joints, t, pose_keypoints_2d=body[:33])])
    with pytest.raises(InputError, match=r"do not lie as those of.*--skeleton"):
        openpose_json.read_pose(tmp_path / "noise")
    with pytest.raises(InputError, match=r"11 points.*--skeleton"):
        openpose_json.read_pose(tmp_path / "eleven")


@pytest.mark.parametrize("size", [(640, 360), (360, 640)])
def test_shares_of_the_picture_become_pixels_side_by_side(tmp_path, size):
    joints = signer()
    components, values = holistic(joints, normalised=True)
    write_pose_file(tmp_path / "a.pose", components, values, size)
    pose = pose_format.read_pose(tmp_path / "a.pose")
    expected = joints["left_wrist"] / [220, 260] * size
    np.testing.assert_allclose(pose.keypoints[:, pose.skeleton.index("left_wrist")], expected, rtol=1e-4)
    assert pose.provenance.units == "pixel" and pose.provenance.stage("to_pixels").config["factor"] == [
        *map(float, size)
    ]


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (640, 0)])
def test_shares_of_a_picture_of_unknown_size_are_refused(tmp_path, size):
    write_pose_file(tmp_path / "a.pose", *holistic(signer(), normalised=True), size)
    with pytest.raises(InputError, match=r"shares of the picture.*multiply"):
        pose_format.read_pose(tmp_path / "a.pose")


def test_pose_formats_normalised_poses_are_in_shoulder_widths(tmp_path):
    joints = signer()
    middle = (joints["left_shoulder"] + joints["right_shoulder"]).mean(0) / 2
    components, values = holistic({j: (v - middle) / 60 for j, v in joints.items()}, face=0)
    write_pose_file(tmp_path / "a.pose", components, values, (640, 360))
    pose = pose_format.read_pose(tmp_path / "a.pose")
    assert pose.provenance.units == "shoulder" and pose.provenance.image_size is None
    np.testing.assert_allclose(pose.keypoints[:, 0], (joints["nose"] - middle) / 60, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [lambda v: v / [220, 260], lambda v: v / [110, 130] - 1])
def test_json_of_shares_is_refused(tmp_path, scale):
    joints = {j: scale(v) for j, v in signer().items()}
    for t in range(3):
        write_json(tmp_path, t, [person(joints, t)])
    with pytest.raises(InputError, match="keypoint_scale 0"):
        openpose_json.read_pose(tmp_path)


def test_left_and_right_of_names():
    assert joint_of("BODY", "LShoulder") == "left_shoulder" == joint_of("x", "left_shoulder")
    assert joint_of("hand_right_keypoints_2d", "R_CMC") == "right_hand_ring_1"  # R is the ring finger
    assert joint_of("LEFT_HAND", "hand_8") == "left_hand_index_4" == joint_of("whole", "left_forefinger4")
    assert joint_of("BODY_135", "RIndex4FingerTip") == "right_hand_index_4"
    assert joint_of("POSE_LANDMARKS", "MOUTH_LEFT") == "mouth_left"
    assert joint_of("POSE_WORLD_LANDMARKS", "NOSE") is None and joint_of("FACE_68", "nose") is None


@pytest.mark.parametrize(
    "points",
    [
        [("a", "left_shoulder"), ("a", "right_shoulder"), ("a", "left_elbow"), ("a", "right_elbox")],
        [("a", "left_shoulder"), ("a", "right_shoulder"), ("a", "Noze")],
        [("a", "left_shoulder"), ("a", "right_shoulder"), ("b", "left_shoulder")],
        [("a", "left_shoulder"), ("a", "right_shoulder"), ("a", "nose"), ("hanl_left", "T_STT")],
        [("a", "left_shoulder"), ("a", "right_shoulder"), ("a", "nose"), ("hand_left", "T_STQ")],
        [("a", "left_shoulder"), ("a", "right_shoulder"), ("a", "\\eck")],
        [("a", "left_shoulder"), ("a", "right_shoulder"), ("a", "rigxt_hand_root")],
        [("a", "left_shoulder"), ("a", "right_shoulder"), ("a", "left_han\0\0\0\0ot")],
    ],
)
def test_damaged_names_are_not_left_out_in_silence(points):
    with pytest.raises(InputError, match="damaged"):
        by_names(points)


def test_equal_numbers_are_told_apart_with_little_in_sight():
    joints = signer(1)
    for name in ("body_25", "body_25b"):
        points = np.full((1, 25, 2), np.nan)
        for place, joint in enumerate(LAYOUTS[name].order):
            if joint and joint.split("_")[-1] in ("nose", "neck", "shoulder", "eye", "ear"):
                points[:, place] = joints[joint]
        assert choose(layouts_of(25), points)[0].name == name


def test_names_in_any_spelling():
    assert (
        layout_named("BODY-25B").name == "body_25b" and layout_named("Coco WholeBody 133").name == "coco_wholebody_133"
    )


def test_a_known_skeleton_takes_no_other(tmp_path, make):
    native.write_pose(make(SIGNING_50), tmp_path / "a.safetensors")
    assert read_pose(tmp_path / "a.safetensors", skeleton="signing_50").skeleton == SIGNING_50
    with pytest.raises(InputError, match="does not fit"):
        read_poses(tmp_path / "a.safetensors", skeleton="body_25")


@pytest.mark.parametrize("name", ["coco_18", "coco_18_left_first"])
def test_18_points_of_either_side_first_face_the_camera(tmp_path, caplog, name):
    joints = signer()
    values = in_layout(joints, LAYOUTS[name])
    np.save(tmp_path / "a.npy", values)
    write_pose_file(tmp_path / "a.pose", {"points": list(map(str, range(18)))}, values[:, None])
    for t, points in enumerate(values):
        write_json(tmp_path / "json", t, [{"pose_keypoints_2d": flat(points)}])
    for file in ("a.npy", "a.pose", "json"):
        assert_joints(read_pose(tmp_path / file), joints, name, 8)
        assert (f"{file}: its points are read as coco_18_left_first" in caplog.text) == (name == "coco_18_left_first")
    turning = values.copy()
    turning[::2, :, 0] = 220 - turning[::2, :, 0]
    np.save(tmp_path / "b.npy", turning)
    assert read_pose(tmp_path / "b.npy").provenance.stage("layout").config["layout"] == "coco_18"


def test_a_neck_that_is_never_there_lies_between_the_shoulders(tmp_path):
    """As converters from MediaPipe to OpenPose leave it out."""
    joints = signer()
    missing = joints | {"neck": np.full((12, 2), np.nan)}
    for t in range(12):
        write_json(tmp_path / "json", t, [person(missing, t)])
    body = BODY25_HANDS.joints[:25]
    values = np.stack([missing[joint] for joint in body], 1)[:, None]
    names = [point for _, point in list(writing_names(BODY25_HANDS, 2).values())[:25]]
    write_pose_file(tmp_path / "a.pose", {"pose_keypoints_2d": names}, values)
    for name in ("json", "a.pose"):
        pose = read_pose(tmp_path / name)
        neck = pose.skeleton.index("neck")
        np.testing.assert_allclose(pose.keypoints[:, neck], joints["neck"], atol=1.5)
        assert (pose.confidence[:, neck] > 0.8).all()


def test_exchanged_sides_are_said(tmp_path, caplog):
    joints = signer()
    swapped = {j.replace("left", "#").replace("right", "left").replace("#", "right"): v for j, v in joints.items()}
    for t in range(12):
        write_json(tmp_path / "json", t, [person(swapped, t)])
    openpose_json.read_pose(tmp_path / "json")
    assert "left and right exchanged" in caplog.text
    caplog.clear()
    write_pose_file(tmp_path / "a.pose", *holistic(joints))
    pose_format.read_pose(tmp_path / "a.pose")
    assert not caplog.text
    write_pose_file(tmp_path / "a.pose", *holistic(swapped))
    pose_format.read_pose(tmp_path / "a.pose")
    assert "left and right exchanged" in caplog.text


def test_names_that_the_places_contradict_are_said(tmp_path, caplog):
    rng = np.random.default_rng(1)
    noise = {joint: rng.permuted(np.tile(np.linspace(0, 250, 12), (2, 1)), axis=1).T for joint in signer()}
    noise |= {"nose": noise["nose"] + [0, 400]}
    write_pose_file(tmp_path / "a.pose", *holistic(noise, face=0))
    pose_format.read_pose(tmp_path / "a.pose")
    assert "do not lie as a person's" in caplog.text


def test_coordinates_that_go_up_are_told() -> None:
    joints = {joint: values * [1, -1] + [0, 300] for joint, values in signer().items()}
    assert "head is below the shoulders" in doubts(joints)
    assert doubts(signer()) == ""


def exchanged(joints, frames):
    """The joints with the hands at the other wrists in these frames."""
    made = {joint: points.copy() for joint, points in joints.items()}
    for joint in joints:
        if "_hand_" in joint:
            other = "_".join({"left": "right", "right": "left"}.get(w, w) for w in joint.split("_"))
            made[joint][frames] = joints[other][frames]
    return made


@pytest.mark.parametrize(("count", "told"), [(0, False), (4, False), (10, True), (50, True), (90, True)])
def test_hands_at_the_other_wrists_in_a_part_are_doubted_there(tmp_path, caplog, count, told):
    """Wherever the part lies, and nothing is said of what a detector confuses for a moment."""
    joints = signer(100, moves=0.1)  # hands apart in all frames
    for frames in (np.arange(count), np.arange(100 - count, 100)):
        caplog.clear()
        np.save(tmp_path / "a.npy", in_layout(exchanged(joints, frames), LAYOUTS["body25_hands"]))
        read_poses(tmp_path / "a.npy", 25, "body25_hands")
        said = f"its hands lie at the other wrists in {count} of 100 frames: are left and right hand exchanged there?"
        assert [said in line for line in caplog.messages] == ([True] if told else [])


def test_hands_at_the_other_wrists_are_doubted():
    joints = signer()
    swapped = exchanged(joints, slice(None))
    assert "hands lie at the other wrists" in doubts(swapped)
    one = {joint: np.full_like(points, np.nan) if "left_hand" in joint else points for joint, points in joints.items()}
    assert doubts(one) == ""


def test_hands_in_coordinates_of_their_own_are_doubted():
    """Around their own wrists, as for networks, they lie in the picture's corner; a lowered wrist alone is nothing."""
    joints = signer()
    hands = [joint for joint in joints if joint.startswith("left_hand")]
    own = joints | {joint: joints[joint] - joints["left_hand_root"] for joint in hands}
    own["left_hand_root"] = np.full_like(own["left_hand_root"], np.nan)  # 0, 0 is read as missing
    assert "its left hand lies away from its wrist" in doubts(own)
    moment = joints | {joint: np.concatenate([own[joint][:3], joints[joint][3:]]) for joint in hands}
    assert doubts(joints) == "" and doubts(moment) == ""


def test_a_hand_that_is_found_elsewhere_for_a_moment_is_not_doubted():
    """Of a hand out of the picture: in a few of all the frames that show the arm."""
    joints = {joint: np.resize(points, (200, 2)) for joint, points in signer().items()}
    hands = [joint for joint in joints if joint.startswith("left_hand")]
    for frames, told in ((9, False), (20, True)):
        seen = np.arange(200)[:, None] < frames
        found = doubts(joints | {joint: np.where(seen, joints[joint] + [150, -200], np.nan) for joint in hands})
        assert ("lies away" in found) == told


def test_metres_around_the_neck_are_no_shares_of_a_picture():
    """They would be stretched with the picture: the middle of the shoulders is at 0, 0, in no picture's inside."""
    left, right = (np.tile([[x, 0.0, 0.1]], (5, 1)) for x in (0.18, -0.18))
    with pytest.raises(InputError, match="neither pixels nor shares"):
        unit_of({"left_shoulder": left, "right_shoulder": right}, (640, 480))
    shares = {"left_shoulder": left[:, :2] + 0.5, "right_shoulder": right[:, :2] + 0.5}
    assert unit_of(shares, (640, 480)).factor == (640.0, 480.0)
