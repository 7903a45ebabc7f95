from dataclasses import replace

import numpy as np
import pytest

from skeletor.poses.pose import StageRecord
from skeletor.support.errors import InputError
from slt.translate.abstain import FILE, Abstention, fit_abstention
from slt.translate.config import PRESETS
from slt.translate.signals import SIGNALS, measure
from slt.translate.train import train_translator
from slt.translate.translator import Translator


@pytest.fixture(scope="module")
def system(toy, tmp_path_factory):
    """A translator of the toy language with its abstention."""
    out = tmp_path_factory.mktemp("system")
    options = PRESETS["tiny"].model_copy(
        update={"hidden": 32, "feed_forward": 64, "max_updates": 80, "validate_every": 80, "learning_rate": 8e-3,
                "batch": 16, "beams": [1]}
    )  # fmt: skip
    train, dev = toy.examples(100, 0, 3), toy.examples(60, 1, 3)
    train_translator(train, dev, options, out, 0, "cpu")
    translator = Translator.load(out, "cpu")
    poses = [e.pose for e in dev]
    return translator, fit_abstention(translator, [e.pose for e in train], poses, poses)


def judge(system, poses):
    translator, abstention = system
    rows = measure(translator, abstention.reference, poses, poses, translator.translate(poses))
    return [abstention.reason(row) for row in rows]


def test_few_sound_clips_are_rejected(toy, system):
    reasons = judge(system, [e.pose for e in toy.examples(60, 5, 3)])
    assert np.mean([r is not None for r in reasons]) < 0.12


def test_other_people_other_motions_and_noise_are_rejected(toy, system):
    sound = [e.pose for e in toy.examples(12, 6, 3)]
    rng = np.random.default_rng(0)
    tall = [p.replace(p.keypoints * np.array([1, 1.6, 1], np.float32)) for p in sound]
    assert all("body" in r or "motion" in r for r in judge(system, tall))
    still = [p.replace(np.repeat(p.keypoints[:1], len(p), 0)) for p in sound]
    assert all(judge(system, still))
    noise = [p.replace(p.keypoints + rng.normal(0, 0.4, p.keypoints.shape).astype(np.float32)) for p in sound]
    assert all(judge(system, noise))
    long = toy.pose_of(" ".join(toy.words * 8), rng)
    assert judge(system, [long])[0] is not None


def test_nobody_there_is_told_from_the_key_points(toy, system):
    pose = toy.examples(1, 7, 3)[0].pose
    assert system[1].signer_reason(pose) is None
    nobody = pose.replace(np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence))
    assert "no signer" in system[1].signer_reason(nobody)
    confidence = pose.confidence.copy()
    confidence[:, 8:] = 0
    assert "no signing hands" in system[1].signer_reason(pose.replace(confidence=confidence))


def test_thresholds_reject_their_share_of_dev_and_no_more(toy, system):
    translator, _ = system
    train = [e.pose for e in toy.examples(60, 0, 3)]
    dev = [e.pose for e in toy.examples(60, 1, 3)]
    for share in (0.03, 0.4):
        fitted = fit_abstention(translator, train, dev, dev, share)
        rejected = np.mean([r is not None for r in judge((translator, fitted), dev)])
        assert share / 4 - 0.02 < rejected <= share  # each clip was judged by the others: fewer than `share` go
        assert set(fitted.thresholds) == set(SIGNALS)


def test_the_length_has_to_be_one_of_training(toy, system):
    translator, _ = system
    poses = [e.pose for e in toy.examples(20, 2, 3)]
    fitted = fit_abstention(translator, poses, poses, poses, train_seconds=[2.0, 3.0, 11.0])
    assert fitted.thresholds["short"] == pytest.approx(2 / 1.1) and fitted.thresholds["long"] == pytest.approx(12.1)
    assert fitted.reason({"short": 1.9, "long": 1.9}) is None
    assert fitted.reason({"short": 1.7, "long": 1.7}).startswith("too short")
    assert fitted.reason({"short": 13.0, "long": 13.0}).startswith("too long")


def test_the_message_names_the_signal_that_is_furthest_beyond(system):
    abstention = system[1]
    start, length = abstention.thresholds["motion"], abstention.tails["motion"][1]
    signals = {"motion": start - 5 * length, "states": abstention.thresholds["states"] + 0.1}
    signals["states"] = abstention.thresholds["states"] + 1 * abstention.tails["states"][1]
    assert abstention.reason(signals).startswith("nobody signs")
    assert abstention.reason({"motion": start, "states": abstention.thresholds["states"]}) is None
    assert abstention.reason({}) is None


def test_it_is_saved_and_loaded(toy, system, tmp_path):
    translator, abstention = system
    abstention.save(tmp_path)
    loaded = Abstention.load(tmp_path)
    assert loaded.thresholds == abstention.thresholds and loaded.plain() == abstention.plain()
    pose = toy.examples(1, 9, 3)[0].pose
    found = translator.translate([pose])[0]
    assert loaded.signals(translator, pose, pose, found) == abstention.signals(translator, pose, pose, found)
    path = tmp_path / FILE
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="not a readable safetensors file"):
        Abstention.load(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="is missing"):
        Abstention.load(tmp_path)


def test_too_few_clips_are_refused(toy, system):
    translator, _ = system
    poses = [e.pose for e in toy.examples(4, 0, 3)]
    with pytest.raises(InputError, match="at least 5"):
        fit_abstention(translator, poses, poses, poses)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("signal", ["states", "log_prob", "proportions", "motion"])
def test_what_cannot_be_computed_is_a_reason(toy, system, signal, value):
    translator, abstention = system
    pose = toy.examples(1, 9, 3)[0].pose
    sound = abstention.signals(translator, pose, pose, translator.translate([pose])[0])
    assert signal in abstention.reason({**sound, signal: value})
    assert "no number" in abstention.reason({signal: value})


def nowhere(pose):
    return pose.replace(np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence))


def test_a_bank_or_a_pose_without_numbers_abstains(toy, system):
    translator, abstention = system
    pose = toy.examples(1, 9, 3)[0].pose
    found = translator.translate([pose])[0]
    broken = replace(abstention, reference=replace(abstention.reference, bank=abstention.reference.bank * np.nan))
    assert "'states' is no number" in broken.reason(broken.signals(translator, pose, pose, found))
    nothing = nowhere(pose)
    assert "'proportions' is no number" in abstention.reason(abstention.signals(translator, pose, nothing, found))


def test_limits_go_by_the_stride_of_the_2d(toy, system, tmp_path):
    translator, _ = system
    train, dev = ([e.pose for e in toy.examples(n, k, 3)] for n, k in ((60, 0), (40, 1)))
    rng = np.random.default_rng(0)

    def worse(by):
        return [p.replace(p.keypoints + rng.normal(0, by, p.keypoints.shape).astype(np.float32)) for p in dev]

    sparse = {4: (dev, worse(0.2))}
    fitted = fit_abstention(translator, train, dev, dev, sparse=sparse)
    assert fitted.strides == (1, 4) and fitted.at(4).thresholds["long"] == fitted.thresholds["long"]
    rows = measure(translator, fitted.reference, *sparse[4], translator.translate(sparse[4][1]))
    by_stride = [np.mean([fitted.reason({**row, "pose_stride": k}) is not None for row in rows]) for k in (1, 4)]
    assert by_stride[1] <= 0.05 < by_stride[0]
    between = replace(fitted.limits, thresholds={**fitted.thresholds, "states": 5.0})
    fitted = replace(fitted, sparse={2: between, 4: replace(between, thresholds={**fitted.thresholds, "states": 9.0})})
    fitted.save(tmp_path)
    for abstention in (fitted, Abstention.load(tmp_path)):
        assert [abstention.at(k).stride for k in (1, 2, 3, 4, 5, 50)] == [1, 2, 4, 4, 4, 4]
        refused = [abstention.reason({"states": 7.0, "pose_stride": k}) is not None for k in (1, 2, 3, 4, 8)]
        assert refused == [True, True, False, False, False] and abstention.reason({"states": 7.0})
        assert abstention.plain()["sparse"]["4"]["states"] == 9.0


def test_the_stride_is_read_from_the_pose(toy, system):
    translator, abstention = system
    pose = toy.examples(1, 9, 3)[0].pose
    sparse = pose.replace(stage=StageRecord("sparse", config={"pose_stride": 4}))
    found = translator.translate([pose])[0]
    assert abstention.signals(translator, sparse, sparse, found)["pose_stride"] == 4
    lenient = replace(abstention.limits, thresholds={**abstention.thresholds, "hands": -1.0, "body": -1.0})
    nobody = sparse.replace(np.full_like(sparse.keypoints, np.nan), np.zeros_like(sparse.confidence))
    assert abstention.signer_reason(nobody) is not None
    assert replace(abstention, sparse={4: lenient}).signer_reason(nobody) is None


def test_dev_clips_that_give_no_numbers_are_refused(toy, system):
    translator, _ = system
    poses = [e.pose for e in toy.examples(6, 0, 3)]
    broken = [nowhere(poses[0]), *poses[1:]]
    with pytest.raises(InputError, match="'proportions' of a dev clip is no number"):
        fit_abstention(translator, poses, poses, broken)
    with pytest.raises(InputError, match="no finite numbers"):
        fit_abstention(translator, [broken[0]], poses, poses)
