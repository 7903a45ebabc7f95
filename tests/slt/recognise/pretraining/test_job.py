"""`slt pretrain`."""

from pathlib import Path

import pytest

from skeletor.io import native
from skeletor.io.store import write_store
from skeletor.learning.trainer import Trainer
from skeletor.support.config import check_config, load_config
from slt.cli import main
from slt.recognise.config import PRESETS
from slt.recognise.pretraining.encoder import WEIGHTS, PretrainedEncoder
from slt.recognise.pretraining.job import PretrainJob, run_job
from tests.slt.toy import perform


def test_the_command_trains_on_folders_and_prints_where_the_encoder_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_store(tmp_path / "poses", [(str(k), perform(["regen", "wind"], k)) for k in range(12)], chunk=5)
    config = tmp_path / "config.yaml"
    config.write_text(
        f"data: [{tmp_path / 'poses'}]\nout: nowhere\ntrain: {{recogniser: {{preset: tiny}}, batch: 6}}\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["pretrain", str(config), "-o", str(tmp_path / "out"), "--set", "train.steps=2"])
    assert ended.value.code == 0 and capsys.readouterr().out.strip() == str(tmp_path / "out" / WEIGHTS)
    assert PretrainedEncoder.load(tmp_path / "out" / WEIGHTS).config == PRESETS["tiny"]


def test_shards_are_gone_through_and_a_killed_training_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(4):
        some = {str(4 * k + n): perform(["regen", "wind", "sonne"][: 1 + n % 3], 4 * k + n) for n in range(4)}
        native.write_shard(some, tmp_path / "poses" / "shards" / "0000" / f"{k:07d}.safetensors")
    values = {"data": [str(tmp_path / "poses")], "out": str(tmp_path / "whole"), "buffer": 6, "device": "cpu"}
    train = {"recogniser": {"preset": "tiny"}, "batch": 6, "steps": 9, "objectives": ["masked", "order"]}
    job = check_config({**values, "train": train}, PretrainJob, "job")
    run_job(job)
    step = Trainer.step

    def killing(trainer: Trainer, feed: object) -> None:
        if trainer.state.progress.step == 5:
            raise KeyboardInterrupt
        step(trainer, feed)

    often = job.train.model_copy(update={"checkpoint_every": 2})
    killed = job.model_copy(update={"out": str(tmp_path / "killed"), "train": often})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "step", killing)
        run_job(killed)
    seen: list[int] = []

    def noted(trainer: Trainer, feed: object) -> None:
        seen.append(trainer.state.progress.step)
        step(trainer, feed)

    monkeypatch.setattr(Trainer, "step", noted)
    run_job(killed)
    assert seen == [4, 5, 6, 7, 8], "it went on, and did not begin anew"
    assert (tmp_path / "killed" / WEIGHTS).read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()


def test_the_shipped_config_is_valid() -> None:
    job = load_config(Path(__file__).parents[4] / "configs" / "pretrain.yaml", PretrainJob)
    assert job.train.recogniser == PRESETS["recogniser"]


@pytest.mark.parametrize(
    ("change", "told"),
    [("data=[nothing]", "nothing"), ("train.steps=0", "train.steps"), ("train.objectives=[dream]", "train.objectives")],
)
def test_bad_input_is_one_line(change: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"data: [poses]\nout: {tmp_path / 'out'}\n")
    with pytest.raises(SystemExit) as ended:
        main(["pretrain", str(config), "--set", change])
    lines = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2 and told in lines[-1] and "Traceback" not in "".join(lines)
