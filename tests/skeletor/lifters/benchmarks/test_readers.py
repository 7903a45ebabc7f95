"""Small files in the exact layout of the shared ones."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skeletor.lifters.benchmarks import human36m, mpi_inf_3dhp
from skeletor.lifters.benchmarks.sequences import as_clips
from skeletor.support.errors import InputError

RNG = np.random.default_rng(0)


def h36m_files(folder: Path, columns: int = 2) -> tuple[Path, Path, Path]:
    joints = {
        s: {a: RNG.normal(size=(5, 32, 3)).astype(np.float32) for a in ("Walking", "Eating 1")} for s in ("S1", "S9")
    }
    points = {s: {a: [RNG.uniform(0, 1000, (6, 17, columns)) for _ in range(4)] for a in joints[s]} for s in joints}
    names = tuple(folder / name for name in ("data_3d_h36m.npz", "data_2d_h36m_cpn_ft_h36m_dbb.npz", "cameras.h5"))
    np.savez_compressed(names[0], positions_3d=joints)  # type: ignore[arg-type]
    metadata = {"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [[4, 5], [1, 2]]}
    np.savez_compressed(names[1], positions_2d=points, metadata=metadata)  # type: ignore[arg-type]
    with h5py.File(names[2], "w") as file:
        for subject in (1, 9):
            for camera in range(1, 5):
                seed = 10 * subject + camera
                file[f"subject{subject}/camera{camera}/R"] = Rotation.random(random_state=seed).as_matrix().T
                file[f"subject{subject}/camera{camera}/T"] = np.full((3, 1), 100.0 * seed)
    return names[0], names[1], names[2]


def test_h36m_is_seen_from_each_camera(tmp_path: Path) -> None:
    files = h36m_files(tmp_path)
    found = human36m.read_h36m(*files, human36m.TEST[:1])
    assert [(s.action, s.camera) for s in found] == [(a, str(c)) for a in ("Eating 1", "Walking") for c in range(1, 5)]
    one = found[5]  # Walking, camera 2
    world = human36m.read_npz(files[0])["positions_3d"]["S9"]["Walking"][:, list(human36m.KEPT)].astype(float)
    turn = Rotation.random(random_state=92).as_matrix()
    expected = np.einsum("ij,tkj->tki", turn, world - 9.2)
    np.testing.assert_allclose(one.truth, expected - expected[:, :1], atol=1e-6)
    assert one.points.shape == (5, 17, 2) and np.abs(one.points[..., 0]).max() <= 1 and (one.confidence == 1).all()


def test_scores_of_visibility_are_confidences(tmp_path: Path) -> None:
    found = human36m.read_h36m(*h36m_files(tmp_path, columns=3), ("S1",))
    assert found[0].confidence.max() > 1  # as they stand in the file


def test_bones_of_the_skeletons_make_trees() -> None:
    for skeleton, root in ((human36m.H36M_17, human36m.ROOT), (mpi_inf_3dhp.DHP_17, mpi_inf_3dhp.ROOT)):
        assert skeleton.parents[root] == -1 and len(skeleton.bones) == 16
        for joint in range(17):
            for _ in range(17):
                joint = skeleton.parents[joint] if joint >= 0 else joint
            assert joint == -1


def dhp(frames: int = 4, **more: Any) -> dict[str, Any]:
    return {"data_2d": RNG.uniform(0, 2048, (frames, 17, 2)), "data_3d": RNG.normal(size=(frames, 17, 3)) * 500, **more}


def test_3dhp_is_in_metres_about_the_pelvis(tmp_path: Path) -> None:
    train = {"S1 Seq1": [{"0": dhp(), "8": dhp(3)}, {}], "S8 Seq2": [{"1": dhp()}, {}]}
    np.savez_compressed(tmp_path / "data_train_3dhp.npz", data=train)  # type: ignore[arg-type]
    found = mpi_inf_3dhp.read_3dhp_train(tmp_path / "data_train_3dhp.npz")
    assert [(s.subject, s.action, s.camera, len(s.points)) for s in found] == [
        ("S1", "Seq1", "0", 4), ("S1", "Seq1", "8", 3), ("S8", "Seq2", "1", 4)]  # fmt: skip
    raw = train["S1 Seq1"][0]["8"]["data_3d"]
    np.testing.assert_allclose(found[1].truth, (raw - raw[:, 14:15]) / 1000)
    clips = as_clips(found)
    assert len(clips) == 3 and clips.known.all()
    np.testing.assert_allclose(clips.points[clips.clip(1)], found[1].points, rtol=1e-6)


def test_3dhp_test_frames_that_do_not_count_are_marked(tmp_path: Path) -> None:
    test = {"TS1": dhp(valid=np.array([1, 0, 1, 1])), "TS5": dhp(valid=np.ones((4, 1)))}
    np.savez_compressed(tmp_path / "data_test_3dhp.npz", data=test)  # type: ignore[arg-type]
    first, fifth = mpi_inf_3dhp.read_3dhp_test(tmp_path / "data_test_3dhp.npz")
    assert first.valid.tolist() == [True, False, True, True] and fifth.valid.all()
    np.testing.assert_allclose(first.points, test["TS1"]["data_2d"] / 1024 - 1)
    np.testing.assert_allclose(fifth.points, test["TS5"]["data_2d"] / 960 - [1, 1080 / 1920])


def test_what_is_missing_is_told_in_one_line(tmp_path: Path) -> None:
    files = h36m_files(tmp_path)
    with pytest.raises(InputError, match="subject S5 is not in it"):
        human36m.read_h36m(*files, human36m.TRAIN)
    with pytest.raises(InputError, match="no HDF5 header"):
        human36m.read_h36m(files[0], files[1], files[0], ("S1",))
    with pytest.raises(InputError, match="has no 'positions_3d'"):
        human36m.read_h36m(files[1], files[1], files[2], ("S1",))
    np.savez(tmp_path / "bad.npz", data={"TS1": {"data_2d": np.zeros((3, 16, 2)), "data_3d": np.zeros((3, 17, 3))}})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expected \\(frames, 17, 2\\)"):
        mpi_inf_3dhp.read_3dhp_test(tmp_path / "bad.npz")
