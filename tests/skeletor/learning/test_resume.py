import copy
import json
import zipfile

import pytest
import torch

from skeletor.learning.resume import cut_log, read_checkpoint, restore


def network_and_optimizer():
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return network, optimizer


@pytest.mark.parametrize("value", [[1, 2], 3, "x", torch.zeros(2), {1: 2}, None])
def test_a_checkpoint_of_anything_else_is_set_aside(tmp_path, value):
    torch.save(value, tmp_path / "c.pt")
    assert read_checkpoint(tmp_path / "c.pt") is None


def test_a_checkpoint_that_runs_code_or_is_a_bomb_is_set_aside(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("executed",))

    path = tmp_path / "c.pt"
    torch.save({"model": Evil()}, path)
    assert read_checkpoint(path) is None
    torch.save({"model": torch.zeros(1000)}, path)
    assert read_checkpoint(path) is not None
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "z.pt", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert read_checkpoint(tmp_path / "z.pt") is None
    for data in (b"", b"x" * 100, path.read_bytes()[:500]):
        path.write_bytes(data)
        assert read_checkpoint(path) is None
    assert read_checkpoint(tmp_path / "none") is None


def spoil(state, how):
    state = copy.deepcopy(state)
    if how == "list":
        return [state]
    if how == "shape":
        state["state"][0]["exp_avg"] = torch.zeros(7)
    elif how == "nan":
        state["state"][1]["exp_avg_sq"][0] = torch.nan
    elif how == "fewer":
        del state["state"][1]
    elif how == "options":
        del state["param_groups"][0]["lr"]
    return state


@pytest.mark.parametrize("how", ["list", "shape", "nan", "fewer", "options"])
def test_what_does_not_fit_leaves_network_and_optimizer_as_they_were(tmp_path, how):
    network, optimizer = network_and_optimizer()
    before = copy.deepcopy((network.state_dict(), optimizer.state_dict()))
    weights = {name: value + 1 for name, value in network.state_dict().items()}
    assert not restore(tmp_path, network, optimizer, weights, spoil(optimizer.state_dict(), how), lambda: None)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[0][name])
    assert torch.equal(optimizer.state_dict()["state"][0]["exp_avg"], before[1]["state"][0]["exp_avg"])


def test_what_does_not_learn_has_no_state_in_the_optimizer_and_needs_none(tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2)
    network.bias.requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    assert list(state["state"]) == [0]
    assert restore(tmp_path, network, optimizer, network.state_dict(), state, lambda: None)
    state["state"][1] = state["state"].pop(0)
    assert not restore(tmp_path, network, optimizer, network.state_dict(), state, lambda: None)


@pytest.mark.parametrize("weights", [None, [], {}, {"weight": 3, "bias": 4}, {"weight": torch.full((2, 3), torch.nan)}])
def test_wrong_weights_are_no_checkpoint(tmp_path, weights):
    network, optimizer = network_and_optimizer()
    assert not restore(tmp_path, network, optimizer, weights, optimizer.state_dict(), lambda: None)


def test_what_fits_is_taken_and_a_failure_of_the_rest_undone(tmp_path):
    network, optimizer = network_and_optimizer()
    weights = {name: value + 1 for name, value in network.state_dict().items()}
    old = network.weight.detach().clone()

    def fails():
        raise KeyError("progress")

    assert not restore(tmp_path, network, optimizer, weights, optimizer.state_dict(), fails)
    assert torch.equal(network.weight, old)
    assert restore(tmp_path, network, optimizer, weights, optimizer.state_dict(), lambda: None)
    assert torch.equal(network.weight, old + 1)


def test_the_log_keeps_its_sound_lines_up_to_the_step(tmp_path):
    path = tmp_path / "log.jsonl"
    sound = [json.dumps({"step": k, "loss": 1.0}) for k in (1, 2, 3, 4)]
    odd = ["{broken}", "[1]", '{"loss": 1}', '{"step": "x"}', "", "7", '{"step": 2'.ljust(20, "}")]
    path.write_bytes("\n".join([*sound[:2], *odd, *sound[2:]]).encode() + b'\n{"step": 2, "x": "\xff\n\xfe}')
    cut_log(path, 3)
    assert path.read_text() == "".join(line + "\n" for line in sound[:3])
    cut_log(tmp_path / "none", 3)
    assert not (tmp_path / "none").exists()
