import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from skeletor.lifters.learned.networks.anatomy import (
    Anatomy,
    AnatomyOutput,
    anatomy_loss,
    bone_lengths,
    joint_pairs,
    length_loss,
    random_lengths,
    with_lengths,
)

ORACLES = Path(__file__).parents[6] / "shared" / "oracles" / "uplift_learned"
needs_oracles = pytest.mark.skipif(not ORACLES.is_dir(), reason="no ../shared")
# Human3.6M's 17 joints as the field orders them, and their bones in the published order
H36M_BONES = [[16, 15], [15, 14], [13, 12], [12, 11], [10, 9], [9, 8], [8, 7], [8, 11], [8, 14], [7, 0], [3, 2], [2, 1],
              [6, 5], [5, 4], [1, 0], [4, 0]]  # fmt: skip
TREE = [(1, 0), (2, 1), (3, 1), (4, 3)]


@pytest.mark.parametrize(
    ("blocks", "training", "inference"), [(3, 45_531_756, 44_504_838), (4, 59_177_580, 58_150_662)]
)
def test_has_as_many_parameters_as_published(blocks: int, training: int, inference: int) -> None:
    with torch.device("meta"):
        assert count(Anatomy(17, H36M_BONES, blocks=blocks)) == training
        assert count(Anatomy(17, H36M_BONES, blocks=blocks, training_heads=False)) == inference


def count(model: Anatomy) -> int:
    return model.parameter_count()


def renamed(key: str, blocks: int) -> str:
    """The published name of one of our tensors."""
    part, _, rest = key.partition(".")
    if part == "direction":
        group, _, rest = rest.partition(".")
        if group == "heads":
            return f"shrink_direct_{2 - int(rest[0])}{rest[1:]}"
        if group in ("points", "visibility"):
            score = "score" if group == "visibility" else ""
            return f"expand_{'conv' if rest[0] == '0' else 'bn'}{score}{rest[1:]}"
        block, layer, inner, leaf = rest.split(".", 3)
        number = 2 * int(block) + (layer == "narrow")
        return f"layers_{'conv' if inner == '0' else 'bn'}{'1' if group == 'second' else ''}.{number}.{leaf}"
    if part == "length":
        group, _, rest = rest.partition(".")
        if group in ("leave", "attention"):
            return {"leave": f"layers_convbone.{2 * blocks + 1}.", "attention": "boneatt."}[group] + rest
        number = 0
        if group == "blocks":
            block, layer, rest = rest.split(".", 2)
            number = 1 + 2 * int(block) + int(layer)
        inner, leaf = rest.split(".", 1)
        return f"layers_{'conv' if inner == '0' else 'bn'}bone.{number}.{leaf}"
    suffix, out = "", "shrink"
    if part == "shift_heads":
        number, rest = rest.split(".", 1)
        suffix, out = f"_{int(number) + 1}", f"shrink_js_{int(number) + 1}"
    group, leaf = rest.split(".", 1)
    return {"lengths": f"lengthlinear{suffix}.", "directions": f"directlinear{suffix}.", "out": f"{out}."}[group] + leaf


def load(name: str, blocks: int) -> tuple[Anatomy, dict[str, Tensor], dict[str, float]]:
    with np.load(ORACLES / f"{name}.npz", allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    loss = json.loads(str(arrays.pop("loss")))
    tensors = {key: torch.as_tensor(value) for key, value in arrays.items()}
    assert tensors["boneindex"].tolist() == H36M_BONES
    model = Anatomy(17, H36M_BONES, channels=12, blocks=blocks)
    state = model.state_dict()
    used = {key: f"sd/{renamed(key, blocks)}" for key in state}
    assert set(used.values()) == {key for key in tensors if key.startswith("sd/")}
    model.load_state_dict({key: tensors[used[key]].reshape(state[key].shape) for key in state})
    return model.eval(), tensors, loss


@needs_oracles
@pytest.mark.parametrize(("name", "blocks"), [("anatomy_arc33_ch12", 1), ("anatomy_arc333_ch12", 2)])
def test_gives_what_the_published_network_gives(name: str, blocks: int) -> None:
    model, t, _ = load(name, blocks)
    with torch.no_grad():
        output = model(t["x"], t["x_rand"])
        augmented, longer = model.length(t["x_randaug"])
        torch.testing.assert_close(model.lift(t["full_in"]), t["full_out"], atol=1e-5, rtol=1e-4)
    first, second = output.directions
    for ours, theirs in (
        (output.joints, t["out/pos"][:, 0]),
        (output.lengths, t["out/bonelength"]),
        (output.per_frame, t["out/rand"]),
        (augmented, t["out/randaug"]),
        (longer, t["out/bonelengthaug"]),
        (first.flatten(1), t["out/direct1"][..., 0]),
        (second.flatten(1), t["out/direct2"][..., 0]),
        (output.shifts[0], t["out/js1"][:, 0]),
        (output.shifts[1], t["out/js2"][:, 0]),
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@needs_oracles
@pytest.mark.parametrize(("name", "blocks"), [("anatomy_arc33_ch12", 1), ("anatomy_arc333_ch12", 2)])
def test_loses_what_the_published_training_loses(name: str, blocks: int) -> None:
    model, t, expected = load(name, blocks)
    gt, bones = t["gt"], model.bones
    with torch.no_grad():
        output = model(t["x"], t["x_rand"])
        augmented, longer = model.length(t["x_randaug"])
    lengths = bone_lengths(gt, bones).mean(1)
    loss = anatomy_loss(output, gt[:, gt.shape[1] // 2], t["gt_rand"], lengths, bones, model.pairs, chosen=0)
    extra = length_loss(augmented, longer, t["gt_randaug"], t["len_aug"], chosen=0)
    found = {"direct": loss.direction, "pos": loss.joints, "js": loss.shift, "rand0": loss.per_frame,
             "length": loss.length, "randaug0": extra["per_frame"], "lengthaug": extra["length"]}  # fmt: skip
    assert {key: float(value) for key, value in found.items()} == pytest.approx(expected, rel=1e-5)


@needs_oracles
def test_bones_are_changed_as_published() -> None:
    with np.load(ORACLES / "anatomy_randomaug.npz", allow_pickle=False) as file:
        inp, out, new, bones = (torch.as_tensor(file[key]) for key in ("inp", "out", "newlen", "boneindex"))
    torch.testing.assert_close(with_lengths(inp, bones, new), out, atol=1e-6, rtol=0)


def small(**more: Any) -> Anatomy:
    torch.manual_seed(0)
    return Anatomy(5, TREE, channels=8, blocks=1, **more)


def test_pairs_are_those_without_a_bone() -> None:
    assert len(joint_pairs(17, H36M_BONES)) == 137
    assert set(joint_pairs(5, TREE)) == {(k, k) for k in range(5)} | {(0, 2), (0, 3), (0, 4), (1, 4), (2, 3), (2, 4)}


def test_new_lengths_are_the_lengths() -> None:
    joints, bones = torch.randn(3, 4, 5, 3), torch.tensor(TREE)
    new = random_lengths(joints, bones, 0.3, torch.Generator().manual_seed(1))
    changed = with_lengths(joints, bones, new)
    torch.testing.assert_close(bone_lengths(changed, bones), new[:, None].expand(-1, 4, -1))
    torch.testing.assert_close(changed[:, :, 0], joints[:, :, 0])
    own = bone_lengths(joints, bones).mean(1)
    assert ((new - own).abs() <= 0.3 * own.mean(0) + 1e-6).all()


@pytest.mark.parametrize("causal", [False, True])
def test_a_clip_is_lifted_as_its_windows_are(causal: bool) -> None:
    model = small(causal=causal).eval()
    clip = torch.randn(2, 9 + 3, 5, 3)
    before = model.padding[0]
    frames = clip[:, before : before + 4, :, :2]
    with torch.no_grad():
        whole = model.lift(clip)
        for k in range(4):
            torch.testing.assert_close(whole[:, k], model(clip[:, k : k + 9], frames).joints)


@pytest.mark.parametrize("causal", [False, True])
def test_the_present_frame_goes_straight_through(causal: bool) -> None:
    """With branches that give nothing, only the tap of the present frame's third reaches the result."""
    model = small(causal=causal).eval()
    for block in [*model.direction.first, *model.direction.second]:
        torch.nn.init.zeros_(block.narrow[1].weight)
    window = torch.randn(1, 9, 5, 3)
    past = window.clone()
    past[:, :6] += 1.0  # everything before the last third
    before, after = model.direction(window)[0], model.direction(past)[0]
    assert torch.equal(before, after) == causal


def test_shifts_and_joints_do_not_teach_lengths() -> None:
    model = small().eval()
    output: AnatomyOutput = model(torch.randn(2, 9, 5, 3), torch.randn(2, 6, 5, 2))
    (output.joints.sum() + output.shifts[0].sum() + output.shifts[1].sum()).backward(retain_graph=True)
    assert all(p.grad is None for p in model.length.parameters())
    output.lengths.sum().backward()
    assert model.length.leave.weight.grad is None and model.length.attention.weight.grad is not None


def test_the_sub_networks_learn_apart() -> None:
    model = small().eval()
    output: AnatomyOutput = model(torch.randn(2, 9, 5, 3), torch.randn(2, 6, 5, 2))
    output.directions[1].sum().backward()
    assert all(p.grad is None for p in model.direction.first.parameters())
    assert all(p.grad is not None for p in model.direction.second.parameters())


def test_bones_must_make_a_tree() -> None:
    with pytest.raises(ValueError, match="4 bones"):
        Anatomy(5, TREE[:-1], channels=8, blocks=1)
