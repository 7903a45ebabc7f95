import dataclasses
import hashlib

import numpy as np
import pytest

from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.data import layout
from slt.synthetic.build import open_truth
from slt.synthetic.resynth import (  # fmt: skip
    ResynthConfig,
    cast,
    lexicon_of,
    make_shot,
    plan_resynth,
    read_source,
    resynthesise,
    source_hash,
)
from slt.synthetic.signing.handshapes import HANDSHAPES
from slt.synthetic.signing.lexicon import Sign
from slt.synthetic.signing.resynth_lexicon import CLASSES, class_shapes, frame_shapes
from slt.synthetic.signing.signers import SIGNERS
from slt.synthetic.signing.timed import Timed, perform_timed

pytestmark = pytest.mark.usefixtures("forked_workers")

BONES = np.array(SIGNING_50.bones)
CONFIG = ResynthConfig(calibration=2, sample=1, studio=2, studio_motion=3, negatives=2, seed=4)


@pytest.fixture(scope="module")
def folder(annotation):
    return annotation()


@pytest.fixture(scope="module")
def source(folder):
    return read_source(folder)


def test_lexicon_has_a_sign_of_its_own_for_every_gloss(source):
    lexicon = lexicon_of(source, 1)
    assert {"REGEN", "REGEN-PLUSPLUS", "loc-NORD", "NORD", "NORDRAUM", "neg-VIEL"} <= set(lexicon.entries)
    assert len(set(lexicon.entries.values())) == len(lexicon.entries)
    again, other = lexicon_of(source, 1), lexicon_of(source, 2)
    assert again == lexicon and other.entries != lexicon.entries
    one, twice = lexicon.entries["REGEN"], lexicon.entries["REGEN-PLUSPLUS"]
    assert twice.repeats == 2 and (one.sign.location, one.sign.movement) == (twice.sign.location, twice.sign.movement)


def test_60_hand_shapes_all_different_and_anatomical():
    names, angles = class_shapes()
    assert angles.shape == (CLASSES, 5, 4) and len(set(names)) == CLASSES
    apart = np.abs(angles[:, None] - angles[None]).sum((-1, -2)) + np.eye(CLASSES) * 9
    assert apart.min() > np.radians(20)
    bounds = np.stack(list(HANDSHAPES.values()))[:, 1:, 1:]
    assert angles[:, 1:, 1:].min() >= bounds.min() and angles[:, 1:, 1:].max() <= np.radians(125)


def test_class_0_goes_on_with_the_class_before(source):
    lexicon = lexicon_of(source, 1)
    entry, shapes = lexicon.entries["REGEN"], class_shapes()[1]
    made = frame_shapes(np.array([0, 7, 0, 3, 0], np.uint8), entry, lexicon.ranks)
    np.testing.assert_array_equal(made, shapes[np.array(lexicon.ranks)[[7, 7, 7, 3, 3]]])
    np.testing.assert_array_equal(frame_shapes(np.zeros(2, np.uint8), entry, lexicon.ranks), shapes[[entry.shape] * 2])


@pytest.mark.parametrize("hands", ["one", "symmetric", "alternating", "base"])
def test_timed_signs_last_as_long_as_told(hands):
    sign = Sign(("flat", "flat"), "neutral", "arc", "half", hands, "fist" if hands == "base" else "")
    rng = np.random.default_rng(0)
    for frames in ([1], [1, 1, 1], [5, 3, 2, 40, 1, 9], [11] * 6):
        signs = [Timed("", None, n) if k % 3 == 0 else Timed(f"S{k}", sign, n, 1 + k % 2) for k, n in enumerate(frames)]
        made = perform_timed(signs, SIGNERS[3], rng)
        assert len(made.pose) == sum(frames) and np.isfinite(made.pose.keypoints).all()
        ends = np.cumsum(frames)
        for start, stop, name in made.spans:
            k = int(name[1:])
            assert ends[k] - frames[k] <= start < stop <= ends[k]


def test_shapes_of_frames_are_what_the_dominant_hand_shows():
    sign = Sign(("fist", "fist"), "neutral", "hold", "camera")
    signer = next(s for s in SIGNERS if not s.left_handed)

    def opening(shape: str) -> float:
        shapes = np.broadcast_to(HANDSHAPES[shape], (20, 5, 4))
        points = perform_timed([Timed("A", sign, 20, 1, shapes)], signer, np.random.default_rng(0)).pose.keypoints
        return float(np.linalg.norm(points[10, 29 + 12] - points[10, 29]))  # root to the middle finger's tip

    assert opening("flat") > 1.5 * opening("fist")


def test_clips_keep_names_frames_text_and_signers(source):
    lexicon, signers = lexicon_of(source, 4), cast(source)
    assert len({s.name for s in signers.values()}) == 3
    shots = plan_resynth(CONFIG, source, lexicon)
    assert {p: sum(s.pixels for s in shots if s.part == p) for p in ("train", "dev", "test", "studio_motion")} == {
        "train": 2, "dev": 1, "test": 1, "studio_motion": 0,
    }  # fmt: skip
    for shot in shots:
        truth, planar = make_shot(shot, lexicon, 4, None)
        if shot.part in layout.SPLITS:
            clip = source.clips[shot.part][shot.index]
            assert shot.name == clip.name and shot.signer == signers[clip.speaker]
            assert len(truth) == len(planar) == len(source.alignments[shot.part][clip.name].hands)
        points = truth.keypoints.astype(np.float64)
        lengths = np.linalg.norm(points[:, BONES[:, 0]] - points[:, BONES[:, 1]], axis=-1)
        assert np.ptp(lengths, axis=0).max() < 1e-5
    moves = [(s.name, s.moves) for s in shots if s.part == "train"]
    limited = plan_resynth(CONFIG.model_copy(update={"limit": 3}), source, lexicon)
    assert [(s.name, s.moves) for s in limited if s.part == "train"] == moves[:3]


def test_a_killed_run_goes_on_to_the_same_bytes_with_any_workers(folder, tmp_path):
    config = CONFIG.model_copy(update={"negatives": 0})

    def digests(root):
        files = sorted(f for f in root.rglob("*") if f.is_file() and f.name != "log.txt")
        return {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}

    corpus = resynthesise(config, folder, tmp_path, 1)
    assert corpus.description.kind == "resynthesised" and corpus.description.synthetic
    assert [c.text for c in corpus.split("dev")] == ["regen im norden 0 .", "regen im norden 1 ."]
    assert sum(c.source is not None for c in corpus.clips) == 4
    assert set(open_truth(tmp_path, "train")) == {c.name for c in corpus.split("train")}
    whole = digests(tmp_path)
    for file in [*tmp_path.glob("truth/train/*"), *tmp_path.glob("truth2d/dev/*"), *tmp_path.glob("features/*/test/*")]:
        file.unlink()
    for file in tmp_path.glob("truth/test/*"):
        file.unlink()
    resynthesise(config, folder, tmp_path, 2)
    assert digests(tmp_path) == whole


def test_what_is_wrong_with_the_annotation_is_told_in_one_line(annotation, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_source(tmp_path / "none")
    folder = annotation(2, 1, 1)
    before = source_hash(folder)
    path = folder / "PHOENIX-2014-T.test.corpus.csv"
    path.write_text(path.read_text() + "extra||-1|-1|Signer01|A|a\n")
    assert source_hash(folder) != before
    with pytest.raises(InputError, match="extra has no frame alignment"):
        read_source(folder)


def test_the_real_lexicon_has_no_two_glosses_alike(shared):
    source = read_source(shared / "phoenix14t_annotations")
    lexicon = lexicon_of(source, 1)
    assert len(lexicon.entries) > 1085 and len(set(lexicon.entries.values())) == len(lexicon.entries)
    signers = cast(source)
    assert len(signers) == len({s.name for s in signers.values()}) == 9
    assert all(dataclasses.is_dataclass(entry.sign) for entry in lexicon.entries.values())
