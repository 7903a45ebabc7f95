"""Long takes: what is put together is where it is said to be, and what is counted is what was found."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.__main__ import main
from experiments.long import training
from experiments.long.config import TakeConfig
from experiments.long.measure import Counts, joined, matched
from experiments.long.people import PeopleConfig, judge_people, people_table
from experiments.long.takes import Material, Piece, Said, Take, make_take
from experiments.long.training import SegmenterConfig, labelled, labelled_takes
from skeletor.io.store import write_store
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.segment.network import Segmenter
from slt.segment.rule import Segment
from slt.synthetic.build import CorpusConfig, make_clip, plan_corpus
from slt.synthetic.detector.noise import fit_noise
from tests.slt.inference.test_recording import talk
from tests.slt.toy import toy_model

CORPUS = CorpusConfig(train=24, dev=1, test=8, calibration=2, studio=2, studio_motion=0, negatives=0)


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory) -> Path:
    """A finished run of a few clips, whose detector is nearly right."""
    run, rng = tmp_path_factory.mktemp("run"), np.random.default_rng(0)
    (run / "config.json").write_text(json.dumps({"corpus": CORPUS.model_dump()}))
    planar = {
        plan.name: make_clip(plan, CORPUS, None)[1] for plan in plan_corpus(CORPUS) if plan.part in ("train", "test")
    }
    seen = {n: p.replace(p.keypoints + rng.normal(0, 0.5, p.keypoints.shape)) for n, p in planar.items()}
    write_store(run / "estimated" / "test", [(n, p) for n, p in seen.items() if n.startswith("test")])
    train = [n for n in seen if n.startswith("train")]
    write_store(run / "poses" / "train", [(n, seen[n]) for n in train])
    fit_noise([planar[n] for n in train[:6]], [seen[n] for n in train[:6]]).save(
        run / "poses" / "noise_broadcast.safetensors"
    )
    return run


def pieces(run: Path, count: int) -> list[Piece]:
    material = Material(run)
    poses = material.detected("train")
    return [material.piece(plan, poses) for plan in material.plans if plan.part == "train"][:count]


@pytest.mark.parametrize("kind", ["run_on", "touch", "pause", "idle", "gesture"])
@pytest.mark.parametrize("cut", [0.0, 1.0])
def test_a_take_holds_its_clips_where_it_says(run, kind, cut):
    config = TakeConfig(**dict.fromkeys(("run_on", "touch", "pause", "idle", "gesture"), 0.0) | {kind: 1.0, "cut": cut})
    parts, material = pieces(run, 3), Material(run)
    signer = material.plans[0].signer
    take = make_take("t", parts, signer, config, material.noise, "test", np.random.default_rng(0))
    assert [one.name for one in take.said] == [one.name for one in parts] and set(take.joins) == {
        kind.replace("_", "-")
    }
    before = 0
    for one, piece in zip(take.said, parts, strict=True):
        assert before <= one.start < one.stop < len(take.pose)
        first = piece.signs[0][0] - (one.signs[0][0] - one.start)
        part = take.pose.frames(one.start, one.stop)
        assert np.array_equal(part.keypoints, piece.pose.keypoints[first : first + len(part)], equal_nan=True)
        assert [b - a for a, b in one.signs] == [b - a for a, b, _ in piece.signs]
        between = (one.start - before) / 25
        if before:
            low, high = {"run_on": (0.1, 0.5), "touch": (0, 0.5), "pause": (0.4, 3.4), "idle": (3.0, 13)}.get(
                kind, (0.5, 60)
            )
            assert low <= between <= high
        before = one.stop
    neck = take.pose.keypoints[:, SIGNING_50.index("neck")]
    assert np.ptp(neck, 0).max() < 60  # one place in the picture


def said(*spans) -> tuple[Said, ...]:
    return tuple(Said(f"c{k}", f"satz {k} .", a, b, ((a, b),)) for k, (a, b) in enumerate(spans))


def counted(spans, segments, texts=None) -> Counts:
    pose = type("P", (), {"fps": 25.0, "__len__": lambda _: 1500})()
    counts = Counts()
    counts.add(Take("t", pose, said(*spans), ()), segments, texts or [None] * len(segments), 0.2)
    return counts


def test_what_is_counted():
    found = counted([(100, 200), (300, 400), (450, 500)], [Segment(4.08, 7.92), Segment(11, 20), Segment(50, 52)],
                    ["satz 0 .", "falsch .", "auch ."])  # fmt: skip
    figures = found.figures()
    assert (found.found, found.given, found.true) == (3, 6, 6)  # 4.08, 7.92 and 20 are near 4, 8 and 20
    assert (
        found.signed == 10
        and found.caught == pytest.approx(3.84 + 4 + 2)
        and figures["signing_found"] == pytest.approx(98.4)
    )
    assert figures["false_seconds_a_minute"] == pytest.approx(1 + 2 + 2) and figures["minutes"] == 1
    assert found.one_to_one == 1 and found.loose == 1
    assert found.hypotheses == ["satz 0 .", "falsch .", "auch ."] and found.references == [
        "satz 0 .",
        "satz 1 .",
        "satz 2 .",
    ]


def test_the_truth_itself_is_perfect_and_nothing_is_nothing():
    spans = [(100, 200), (200, 260), (400, 450)]
    figures = counted(spans, [Segment(a / 25, b / 25) for a, b in spans]).figures()
    assert (figures["boundary_f1"], figures["signing_found"], figures["one_to_one"]) == (100, 100, 100)
    assert figures["false_seconds_a_minute"] == 0
    assert counted(spans, []).figures()["boundary_f1"] == 0 and counted(spans, []).hypotheses == [""] * 3


@given(st.lists(st.integers(0, 40), max_size=6, unique=True), st.lists(st.integers(0, 40), max_size=6, unique=True))
def test_matching_is_the_best_there_is(true, given_times):
    from scipy.optimize import linear_sum_assignment

    true, given_times = sorted(true), sorted(given_times)
    near = np.abs(np.subtract.outer(true, given_times)) <= 2
    best = int(near[linear_sum_assignment(~near)].sum()) if near.size else 0
    assert matched(true, given_times, 2) == best


def test_texts_are_joined():
    assert (
        joined([]) == ""
        and joined(["a b ."]) == "a b ."
        and joined(["a .", "b c ."]) == "a b c ."
        and joined(["a"]) == "a"
    )


def test_labels_of_a_training_take_are_where_its_sentences_are_at_any_tempo(run):
    material, parts = Material(run), pieces(run, 2)
    signer = material.plans[0].signer
    take = make_take("t", parts, signer, TakeConfig(), material.noise, "train", np.random.default_rng(1))
    for seed in range(4):
        one = labelled(take, 0.4, np.random.default_rng(seed))
        assert len(one.features) == len(one.labels)
        signed = sum(b.stop - b.start for b in take.said) / len(take.pose)
        assert (one.labels[:, 0] > 0).mean() == pytest.approx(signed, abs=0.02)
        assert (one.labels[:, 1] > 0).sum() <= (one.labels[:, 0] > 0).sum() + 4


def test_each_training_clip_is_in_one_take_at_most_and_in_any_order(run, monkeypatch):
    takes: list[list[str]] = []

    def noted(name, parts, *others):
        takes.append([one.name for one in parts])
        return make_take(name, parts, *others)

    monkeypatch.setattr(training, "make_take", noted)
    labelled_takes(Material(run), SegmenterConfig(length=2))
    names = [name for take in takes for name in take]
    assert len(names) >= 10 and len(set(names)) == len(names)
    assert len({take == sorted(take) for take in takes}) == 2  # some as they are numbered, some not


def test_from_a_run_to_weights_and_to_the_table(run, tmp_path, tmp_path_factory):
    weights, common = tmp_path / "s.safetensors", ["--run", str(run), "--work", str(tmp_path / "work")]
    small = ["clips=4", "length=1", "train.steps=3", "train.window=32", "train.batch=2", "train.network.width=4",
             f"weights={weights}"]  # fmt: skip
    assert main(["segmenter", *common, *(x for value in small for x in ("--set", value))]) == 0
    assert Segmenter.load(weights).config.width == 4
    (run / "model").exists() or (run / "model").symlink_to(toy_model(tmp_path_factory))
    results = tmp_path / "results"
    small = ["clips=2", "signers=1", "fit_clips=2", "people=[]", f"weights={weights}"]
    assert main(["long", *common, "--results", str(results), *(x for value in small for x in ("--set", value))]) == 0
    numbers = json.loads((results / "long.json").read_text())["numbers"]
    truth = numbers["cut at the true boundaries"]
    assert truth["boundary_f1"] == truth["signing_found"] == 100 and truth["false_seconds_a_minute"] == 0
    text = (results / "long.md").read_text()
    assert all(f"| {name} |" in text for name in ("the rule", "the network", "each clip by itself"))


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no poses; give --run"):
        labelled_takes(Material(tmp_path), SegmenterConfig())
    with pytest.raises(InputError, match="no run on a rendered corpus"):
        Material(tmp_path).by_signer("train", 3)


def test_shares_of_real_people(tmp_path):
    write_store(tmp_path, [(f"c{k}", talk()) for k in range(3)])
    file = tmp_path / "00000.safetensors"
    sets = [PeopleConfig(name="talk", file=str(file), signs=True, every=2),
            PeopleConfig(name="none", file=str(tmp_path / "none.npz"), signs=False)]  # fmt: skip
    found = judge_people(sets, {"half": lambda pose: [Segment(0, pose.seconds / 4), Segment(1, 1 + pose.seconds / 4)]})
    assert list(found) == ["talk"] and found["talk"]["half"] == pytest.approx(50) and found["talk"]["clips"] == 2
    assert "| talk | yes | 2 |" in people_table(found, ["half"])
