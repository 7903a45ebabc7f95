"""`slt pretrain`."""

from pathlib import Path

import pytest

from skeletor.io.store import write_store
from skeletor.support.config import load_config
from slt.cli import main
from slt.recognise.config import PRESETS
from slt.recognise.pretraining.encoder import WEIGHTS, PretrainedEncoder
from slt.recognise.pretraining.job import PretrainJob
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
