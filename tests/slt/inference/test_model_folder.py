import dataclasses
import shutil
from dataclasses import replace

import numpy as np
import pytest
import yaml

from skeletor.io.formats import write_pose
from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.registry import build_refiner
from skeletor.refiners.smoothers.smooth import SavgolOptions
from skeletor.refiners.trained import SHIPPED as SHIPPED_REFINER
from skeletor.refiners.weights import load_refiner
from skeletor.refiners2d.fit import fit_refiner_2d
from skeletor.refiners2d.gaussian import GaussianOptions
from skeletor.refiners2d.registry import Refiner2D
from skeletor.refiners2d.weights import save_refiner_2d
from skeletor.support.errors import InputError
from slt.inference.chain import load_chain
from slt.inference.estimation import Sparse
from slt.inference.model_folder import Card, ModelConfig, load_model_folder, save_model_folder
from slt.score.scores import score
from slt.translate.abstain import fit_abstention
from slt.translate.config import PRESETS
from slt.translate.joey.batches import Example
from slt.translate.train import train_translator
from slt.translate.translator import Translator
from tests.skeletor.refiners2d.parts2d import clips
from tests.slt.pipeline.test_config import FLAT

CARD = Card("A test model", "Random motion.", "none needed", "It understands nothing.")
CONFIG = ModelConfig(
    estimator={"name": "mediapipe"}, estimator_version="0.10.14", lift={"mode": "fast"},
    refine={"name": "skeletor", "weights": "runs/somewhere.safetensors"}, fps=25.0,
)  # fmt: skip


def random_examples(number: int) -> list[Example]:
    rng = np.random.default_rng(0)
    poses = [
        PoseSequence(
            rng.normal(size=(12 + k, 50, 3)), np.ones((12 + k, 50)), 25, SIGNING_50, Provenance(units="shoulder")
        )
        for k in range(number)
    ]
    return [Example(f"c{k}", pose, "am tag regnet es .") for k, pose in enumerate(poses)]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A trained translator's folder, its abstention, weights of a refiner, and poses."""
    root = tmp_path_factory.mktemp("parts")
    examples = random_examples(8)
    options = PRESETS["tiny"].model_copy(update={"max_updates": 4, "validate_every": 2})
    train_translator(examples, examples, options, root / "translator", 0, "cpu")
    poses = [e.pose for e in examples]
    abstention = fit_abstention(Translator.load(root / "translator", "cpu"), poses, poses, poses)
    (root / "weights.bin").write_bytes(b"weights")
    return root, abstention, poses


def save(parts, out):
    root, abstention, _ = parts
    scores = {"test": score(["am tag regnet es .", "a"], ["am tag regnet es .", "b c d"])}
    return save_model_folder(out, CONFIG, root / "translator", abstention, scores, CARD, root / "weights.bin")


def test_a_trained_lifter_goes_along(parts, tmp_path):
    root, abstention, _ = parts
    config = replace(CONFIG, lift={"mode": "learned", "weights": "/home/me/lifter.safetensors"})
    folder = save_model_folder(
        tmp_path / "m", config, root / "translator", abstention, {}, CARD, lifter_weights=root / "weights.bin"
    )
    loaded = load_model_folder(folder, "cpu")
    assert loaded.config["lift"] == {"mode": "learned", "weights": "lifter.safetensors"}
    assert (folder / "lifter.safetensors").read_bytes() == b"weights"
    with pytest.raises(InputError, match="train the lifter first"):
        save_model_folder(
            tmp_path / "n", config, root / "translator", abstention, {}, CARD, lifter_weights=tmp_path / "none"
        )


def test_it_works_after_being_copied_to_another_place(parts, tmp_path):
    folder = save(parts, tmp_path / "here")
    shutil.move(str(folder), tmp_path / "there")
    loaded = load_model_folder(tmp_path / "there", "cpu")
    original = Translator.load(parts[0] / "translator", "cpu")
    poses = parts[2]
    assert loaded.translator.translate(poses) == original.translate(poses)
    assert loaded.abstention.thresholds == parts[1].thresholds
    assert loaded.refiner_weights == tmp_path / "there/refiner.safetensors"
    assert loaded.refiner_weights.read_bytes() == b"weights"
    assert loaded.config["estimator"] == {"name": "mediapipe"} and loaded.config["fps"] == 25.0
    assert loaded.config["refine"] == {"name": "skeletor", "weights": "refiner.safetensors"}
    text = "".join(p.read_text() for p in (tmp_path / "there").iterdir() if p.suffix in (".yaml", ".json", ".md"))
    assert str(tmp_path) not in text and "/runs" not in text


def test_the_card_states_data_licence_scores_and_limits(parts, tmp_path):
    card = (save(parts, tmp_path / "m") / "MODEL_CARD.md").read_text()
    for part in ("Random motion.", "none needed", "Apache-2.0", "It understands nothing.", "| test | 2 |", "tok:none"):
        assert part in card


def test_the_language_stands_in_card_and_config(parts, tmp_path):
    root, abstention, _ = parts
    for code, line in (("zh-Hans", "Language of the text: zh-Hans."), ("", None)):
        config = replace(CONFIG, language=code)
        folder = save_model_folder(
            tmp_path / f"m{code}", config, root / "translator", abstention, {}, CARD, root / "weights.bin"
        )
        card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
        assert load_model_folder(folder, "cpu").config["language"] == code
        assert (line in card) if line else ("Language" not in card)


def test_saving_again_replaces_the_folder_and_a_failure_leaves_the_old_one(parts, tmp_path):
    folder = save(parts, tmp_path / "m")
    (folder / "stray").write_text("x")
    save(parts, folder)
    assert not (folder / "stray").exists()
    with pytest.raises(InputError, match="refiner"):
        save_model_folder(folder, CONFIG, parts[0] / "translator", parts[1], {}, CARD, tmp_path / "no")
    load_model_folder(folder, "cpu")
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize(
    "name", ["translator.safetensors", "vocabulary.txt", "abstention.safetensors", "refiner.safetensors", "model.yaml"]
)
def test_an_incomplete_or_damaged_folder_is_one_clear_line(parts, tmp_path, name):
    folder = save(parts, tmp_path / "m")
    data = (folder / name).read_bytes()
    for change in (None, data[: len(data) // 2], b"\xff" + data):
        (folder / name).unlink(missing_ok=True)
        if change is not None:
            (folder / name).write_bytes(change)
        with pytest.raises(InputError) as caught:
            load_model_folder(folder, "cpu")
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_model_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        load_model_folder(tmp_path / "none")
    with pytest.raises(InputError, match=r"model\.yaml"):
        load_model_folder(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.yaml").touch()
    with pytest.raises(InputError, match=r"no model\.yaml in it; give the folder of a model, .*/model$"):
        load_model_folder(tmp_path)
    (tmp_path / "model.yaml").write_text(yaml.safe_dump({"format": "other"}))
    with pytest.raises(InputError, match="not a model of this program"):
        load_model_folder(tmp_path)
    (tmp_path / "model.yaml").write_text(yaml.safe_dump({"format": "slt-model-1"}))
    with pytest.raises(InputError, match="key 'estimator'"):
        load_model_folder(tmp_path)


def test_absolute_paths_are_refused(parts, tmp_path):
    root, abstention, _ = parts
    config = ModelConfig({"name": "poses", "path": "/home/me/x"}, "1", {}, {"name": "none"}, 25.0)
    with pytest.raises(InputError, match=r"absolute path /home/me/x"):
        save_model_folder(tmp_path / "m", config, root / "translator", abstention, {}, CARD)
    assert list(tmp_path.iterdir()) == []


def test_the_refiner_of_a_folder_keeps_the_options_that_it_was_made_with(parts, tmp_path):
    root, abstention, poses = parts
    scores = {"test": score(["am tag regnet es ."], ["am tag regnet es ."])}
    config = dataclasses.replace(CONFIG, refine={"name": "savgol", "window": 9, "order": 3})
    folder = save_model_folder(tmp_path / "m", config, root / "translator", abstention, scores, CARD, None)
    expected = build_refiner(SavgolOptions(window=9, order=3))(poses[0]).keypoints
    np.testing.assert_array_equal(load_chain(folder, device="cpu").refiner(poses[0]).keypoints, expected)
    other = load_chain(folder, refine="kalman", device="cpu").refiner
    assert other.name == "kalman"


def test_sparse_2d_is_chosen_by_config_or_caller_and_nobody_still_abstains(parts, tmp_path):
    root, abstention, poses = parts
    scores = {"test": score(["am tag regnet es ."], ["am tag regnet es ."])}
    config = dataclasses.replace(
        CONFIG, refine={"name": "none"}, estimator={"name": "mediapipe", "pose_stride": 2}, refine2d=None
    )
    folder = save_model_folder(tmp_path / "m", config, root / "translator", abstention, scores, CARD)
    flat = poses[0].replace(poses[0].keypoints[..., :2], units="pixel")
    write_pose(flat, tmp_path / "somebody.safetensors")
    nobody = flat.replace(np.full_like(flat.keypoints, np.nan), np.zeros_like(flat.confidence))
    write_pose(nobody, tmp_path / "nobody.safetensors")
    for sparse, stride in ((None, 2), (Sparse(pose_stride=3), 3), (Sparse(pose_stride=1), 1)):
        chain = load_chain(folder, device="cpu", sparse=sparse)
        assert chain.estimator.options["pose_stride"] == stride
        assert pose_stride(chain.poses(tmp_path / "somebody.safetensors")) == stride
        result = chain.translate(tmp_path / "somebody.safetensors")
        assert result.signals["body"] == 1 and result.signals["hands"] == 1
        assert result.text is not None or "no sign" not in result.reason
        empty = chain.translate(tmp_path / "nobody.safetensors")
        assert empty.text is None and "no signer found" in empty.reason
    assert load_chain(folder, device="cpu", sparse=Sparse(speed="fast")).estimator.options["speed"] == "fast"
    with pytest.raises(InputError, match="'speed': an option of mediapipe, not of openpose-json"):
        load_chain(folder, device="cpu", estimator="openpose-json", sparse=Sparse(speed="fast"))
    with pytest.raises(InputError, match="pose_stride': Input should be less than or equal to 50, got 51"):
        load_chain(folder, device="cpu", sparse=Sparse(pose_stride=51))
    with pytest.raises(InputError, match="add --lift uplift-upsample"):
        load_chain(folder, device="cpu", sparse=Sparse(upsample="token"))
    with pytest.raises(InputError, match="upsample"):
        load_chain(folder, device="cpu", sparse=Sparse(upsample="magic"))


def test_a_2d_refiner_goes_with_the_folder_and_can_be_left_out(parts, tmp_path):
    root, abstention, _ = parts
    given = GaussianOptions(parts=["hand"], stride=1)
    fitted, bones = fit_refiner_2d(*clips(8, 0), given, 1)
    save_refiner_2d(fitted, given, bones, tmp_path / "fitted")
    scores = {"test": score(["am tag regnet es ."], ["am tag regnet es ."])}
    config = dataclasses.replace(CONFIG, refine={"name": "none"}, refine2d={"name": "gaussian"})
    start = (config, root / "translator", abstention, scores, CARD, None)
    folder = save_model_folder(tmp_path / "m", *start, tmp_path / "fitted")
    (tmp_path / "fitted").unlink()
    chain = load_chain(folder, device="cpu")
    pose = clips(1, 9)[1]["clip0"]
    np.testing.assert_array_equal(chain.refiner_2d(pose).keypoints, Refiner2D(fitted)(pose).keypoints)
    assert "refine2d" in (folder / "MODEL_CARD.md").read_text()
    assert load_chain(folder, device="cpu", refine2d="none").refiner_2d.name == "none"
    with pytest.raises(InputError, match="its 2D refiner is gaussian, not port"):
        load_chain(folder, device="cpu", refine2d="port")
    with pytest.raises(InputError, match="the 2D refiner's weights are missing"):
        save_model_folder(tmp_path / "n", *start, tmp_path / "gone")
    plain = save(parts, tmp_path / "plain")
    config = yaml.safe_load((plain / "model.yaml").read_text())
    assert config["refine2d"] is None


def test_a_folder_of_an_earlier_version_has_the_options_of_all_stages_in_one_bag(parts, tmp_path):
    folder = save(parts, tmp_path / "m")
    (folder / "refiner.safetensors").unlink()
    config = yaml.safe_load((folder / "model.yaml").read_text())
    del config["files"]["refiner.safetensors"]
    flat = {
        **FLAT,
        "refine": {**FLAT["refine"], "name": "savgol", "window": 9},
        "lift": {**FLAT["lift"], "mode": "fast"},
    }
    (folder / "model.yaml").write_text(yaml.safe_dump({**config, **flat}))
    system = load_chain(folder, device="cpu")
    assert (system.lifter.name, system.refiner.name, system.refiner_2d.name) == ("fast", "savgol", "none")
    refined = system.refiner(parts[2][0])
    assert refined.provenance.stages[-1].config == {
        "name": "savgol", "minimum_confidence": 0.3, "window": 9, "order": 2,
    }  # fmt: skip
    flat["refine"]["sigma"] = 2.0
    (folder / "model.yaml").write_text(yaml.safe_dump({**config, **flat}))
    with pytest.raises(InputError, match=r"model.yaml: key 'refine.sigma': an option of gaussian, not of savgol"):
        load_chain(folder, device="cpu")


def test_the_card_tells_what_weights_of_others_learned_from(parts, tmp_path):
    """The refiner of the package learned from people, whatever the rest of the model did."""
    root, abstention, _ = parts
    folder = save_model_folder(tmp_path / "m", CONFIG, root / "translator", abstention, {}, CARD, SHIPPED_REFINER)
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    info = load_refiner(SHIPPED_REFINER).info
    assert f"Weights of the stage `refine`: {info.data}; licence: {info.licence}." in card and info.licence == "MIT"
    assert "stage `lift`" not in card
