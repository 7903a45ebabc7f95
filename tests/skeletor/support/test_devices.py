"""Names of devices, generators on them, and data parallel training with torchrun: gradients are means, every process
draws its own windows, one writes."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from skeletor.refiners.training.train import load_refiner, train_refiner
from skeletor.support.devices import make_fabric, process_rank, resolve_device, seed_generators, seeded
from skeletor.support.errors import InputError
from tests.skeletor.refiners.tiny import clips, config
from tests.torchrun import by_torchrun, together

ROOT = Path(__file__).parents[3]

TWO = """
import os, sys, torch
import skeletor.refiners.training.task as task
from skeletor.learning.trainer import Trainer
from skeletor.refiners.training.train import train_refiner
from tests.skeletor.refiners.tiny import clips, config
torch.set_num_threads(1)
folder, rank = sys.argv[1], int(os.environ["RANK"])
step, draw, seen = Trainer.step, task.corrupted_batch, []
def spy(ready, *rest):
    seen.append(ready.windows.target[:, 0, 4].clone())
    return draw(ready, *rest)
def stepping(trainer, feed):
    network = trainer.task.network
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    step(trainer, feed)
    if trainer.state.progress.step == 2:
        after = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
        torch.save({"before": before, "grad": after}, f"{folder}/grad{rank}.pt")
task.corrupted_batch, Trainer.step = spy, stepping
c = config(max_steps=4, log_every=2, gradient_clip=1e9, accumulate=2, validation_share=0.0)
result = train_refiner(clips(4), c, f"{folder}/out")
torch.save({"seen": torch.stack(seen), "steps": result.steps}, f"{folder}/seen{rank}.pt")
"""


@pytest.fixture(name="gpus")
def _gpus(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine that says it has two GPUs; what is done to their generators."""
    done: list[str] = []
    index = torch._utils._get_device_index  # refuses a GPU without an index

    @contextlib.contextmanager
    def chosen(device):
        done.append(f"choose {index(device)}")
        yield

    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "device", chosen)
    monkeypatch.setattr(torch.cuda, "manual_seed", lambda seed: done.append(f"seed {seed}"))
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: done.append(f"get {index(device)}") or "state")
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, d: done.append(f"set {index(d)} {state}"))
    return done


@pytest.mark.parametrize(
    "name, index", [("auto", 0), ("cuda", 0), ("cuda:1", 1), (torch.device("cuda"), 0), (torch.device("cuda", 1), 1)]
)
def test_a_gpu_always_has_an_index(gpus: list[str], name: str | torch.device, index: int) -> None:
    device = resolve_device(name)
    assert device == torch.device("cuda", index) and torch._utils._get_device_index(device) == index
    with pytest.raises(ValueError, match="specified index"):
        torch._utils._get_device_index(torch.device("cuda"))
    with seeded(7, device):
        assert gpus == [f"get {index}", f"choose {index}", "seed 7"]
    assert gpus[3:] == [f"set {index} state"]
    seed_generators(8, device)
    assert gpus[4:] == [f"choose {index}", "seed 8"]


def test_under_torchrun_a_process_has_its_own_gpu(gpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert [str(resolve_device(name)) for name in ("cuda", "auto", "cuda:0", "cpu")] == [
        "cuda:1", "cuda:1", "cuda:0", "cpu",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["cuda:2", "cuda:99", "gpu", "", "mps", "meta", "cuda:-1", "cuda:x"])
def test_a_device_that_is_not_there_is_one_line(gpus: list[str], name: str) -> None:
    with pytest.raises(InputError, match="device") as caught:
        resolve_device(name)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 120


def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused() -> None:
    assert resolve_device("auto") == resolve_device("cpu") == resolve_device() == torch.device("cpu")
    for name in ("cuda", "cuda:0"):
        with pytest.raises(InputError, match="sees no GPU; use device cpu"):
            resolve_device(name)


def test_tests_see_no_gpu_and_what_they_start_sees_none_either() -> None:
    """Only those with the mark `gpu` do: see tests/conftest.py."""
    code = "import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "''" and not torch.cuda.is_available()


def test_generators_are_as_before_after_a_block() -> None:
    cpu = torch.device("cpu")
    before = torch.get_rng_state()
    with seeded(3, cpu):
        first = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(KeyError), seeded(3, cpu):
        assert torch.equal(torch.rand(3), first)
        raise KeyError
    assert torch.equal(torch.get_rng_state(), before)


def test_devices_and_seeds_are_chosen_in_one_place_only() -> None:
    found = set()
    for package in ("skeletor", "slt", "experiments"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if re.search(r"torch\.manual_seed|fork_rng|cuda\.is_available|device\(\"cuda\"\)", text):
                found.add(file.relative_to(ROOT).as_posix())
    assert found == {"skeletor/support/devices.py", "slt/cli/doctor.py"}, "the latter only says what is there"


@pytest.fixture(name="two", scope="module")
def _two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    (folder / "job.py").write_text(TWO)
    together(folder, ["lightning_fabric", "skeletor.refiners.training.train", "tests.skeletor.refiners.tiny"])
    return folder


def test_every_process_draws_its_own_windows(two: Path) -> None:
    seen = [torch.load(two / f"seen{rank}.pt")["seen"] for rank in (0, 1)]
    assert seen[0].shape == seen[1].shape
    assert not any(torch.equal(a, b) for a, b in zip(*seen, strict=True))


def test_gradients_are_the_mean_and_models_stay_the_same(two: Path) -> None:
    """Each process alone, from the same weights and with its own windows, gives a gradient; they got the mean."""
    one, other = (torch.load(two / f"grad{rank}.pt") for rank in (0, 1))
    for name in one["grad"]:
        assert torch.equal(one["before"][name], other["before"][name])
        assert torch.equal(one["grad"][name], other["grad"][name])
    alone = [gradient_alone(one["before"], rank) for rank in (0, 1)]
    for name, gradient in one["grad"].items():
        mean = (alone[0][name] + alone[1][name]) / 2
        torch.testing.assert_close(gradient, mean, atol=1e-6, rtol=1e-4)
    assert any(not torch.allclose(alone[0][name], alone[1][name], rtol=0.1) for name in alone[0])


def gradient_alone(weights: dict[str, torch.Tensor], rank: int) -> dict[str, torch.Tensor]:
    """The gradient of step 1 of one process, without any other."""
    from skeletor.learning.data.windows import Ready
    from skeletor.learning.feed import CORRUPTION, WINDOWS, draw_seed
    from skeletor.refiners.training import train
    from skeletor.refiners.training.objective import corrupted_batch, make_task, refiner_loss

    c = config(max_steps=4, log_every=2, gradient_clip=1e9, accumulate=2, validation_share=0.0)
    sets = train._data(clips(4), None, c, 0)
    model = train._network(train.model_arguments(c, sets.skeleton, sets.dims), sets, 0)
    model.load_state_dict({**model.state_dict(), **weights})
    task = make_task(sets.skeleton, model.rest.clone())
    for number in (4 + rank, 6 + rank):  # its batches of step 1, of four
        rng = np.random.default_rng(draw_seed(0, number, WINDOWS))
        drawn = sets.train.draw(c.batch_size, c.window + 2 * c.margin, c.degraded_share, rng).on(torch.device("cpu"))
        g = torch.Generator().manual_seed(draw_seed(0, number, CORRUPTION))
        batch = corrupted_batch(Ready(drawn), task, c.batch_size, c, g)
        (refiner_loss(model(batch.points, batch.confidence), batch, c, sets.skeleton) / 2).backward()
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def test_two_processes_learn_what_one_does_that_accumulates_their_batches(two: Path, tmp_path: Path) -> None:
    """2 x 2 batches a step and 1 x 4 are the same batches, with the same dropout: the same losses and weights."""
    torch.set_num_threads(1)
    alone = config(max_steps=4, log_every=2, gradient_clip=1e9, accumulate=4, validation_share=0.0)
    train_refiner(clips(4), alone, tmp_path)
    both = []
    for folder in (two / "out", tmp_path):
        lines = [json.loads(line) for line in (folder / "refiner.jsonl").read_text().splitlines()]
        both.append([line["loss"] for line in lines if "loss" in line])
    np.testing.assert_allclose(*both, rtol=1e-5)
    ours, theirs = (load_refiner(f / "refiner.safetensors").model.state_dict() for f in (two / "out", tmp_path))
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], atol=1e-5, rtol=1e-4)


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from skeletor.learning.trainer import Trainer
from skeletor.refiners.training.train import train_refiner
from tests.skeletor.refiners.tiny import clips, config
torch.set_num_threads(1)
folder = Path(sys.argv[1])
step = Trainer.step
def stepping(trainer, feed):
    step(trainer, feed)
    if os.environ["RANK"] == "1" and trainer.state.progress.step == 3 and not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
Trainer.step = stepping
c = config(max_steps=4, log_every=2, checkpoint_every=2, gradient_clip=1e9, accumulate=2, validation_share=0.0)
train_refiner(clips(4), c, folder / "out")
"""


@pytest.mark.slow
def test_a_training_whose_process_was_killed_is_started_again_and_ends_the_same(two: Path, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(KILLED)
    by_torchrun(tmp_path, "--max-restarts", "1")
    assert (tmp_path / "killed").exists()
    ours, theirs = (load_refiner(f / "out" / "refiner.safetensors").model.state_dict() for f in (tmp_path, two))
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


def test_one_process_writes(two: Path) -> None:
    lines = [json.loads(line) for line in (two / "out" / "refiner.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [2, 4]
    info = load_refiner(two / "out" / "refiner.safetensors").info
    assert "2 processes" in info.training["identity"] and (two / "out" / "README.md").is_file()


def test_one_device_without_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("RANK", "3")  # of something else
    fabric = make_fabric(torch.device("cpu"), bf16=True)
    assert fabric.world_size == 1 and fabric.device.type == "cpu" and process_rank() == 0


def test_repair_loads_neither_fabric_nor_the_compiler_of_torch() -> None:
    """Both take seconds; training alone needs them."""
    code = (
        "import sys, skeletor.refiners.training.train, skeletor.cli\n"
        "from skeletor.refiners import trained, weights; weights.load_refiner(trained.SHIPPED)\n"
        "sys.exit(bool({'lightning_fabric', 'torch._dynamo'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_accumulated_batches_are_one_step(tmp_path: Path) -> None:
    """Two batches of 8 give the mean of their losses; the number of windows is counted."""
    torch.set_num_threads(1)
    result = train_refiner(clips(3), config(accumulate=2, max_steps=4), tmp_path)
    assert result.windows_per_second == pytest.approx(4 * 16 / result.seconds)


@pytest.mark.slow
def test_compiled_training_gives_the_same_losses(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    for name, on in (("plain", False), ("compiled", True)):
        train_refiner(clips(3), config(compile=on, max_steps=8), tmp_path / name)
    logs = [(tmp_path / n / "refiner.jsonl").read_text().splitlines() for n in ("plain", "compiled")]
    losses = [[json.loads(line)["loss"] for line in log if "loss" in line and "lr" in line] for log in logs]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    names = [set(load_refiner(tmp_path / n / "refiner.safetensors").model.state_dict()) for n in ("plain", "compiled")]
    assert names[0] == names[1]
