"""`slt run` by torchrun: all processes train together, the first one does the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from slt.pipeline.config import RunConfig
from slt.pipeline.context import Here, Run
from slt.recognise.config import PRESETS
from tests.slt.toy import write_toy_set
from tests.torchrun import by_torchrun

TINY = Path(__file__).parents[3] / "configs" / "tiny.yaml"
# The second process is killed twice in its midst: once in the recogniser, once in a translator.
JOB = """
import os, signal, sys
from pathlib import Path
import torch
import slt.translate.joey.trainer as joey
from skeletor.learning.trainer import Trainer
from slt.cli import main
torch.set_num_threads(1)
folder = Path(sys.argv[1])
def killing(kind, name, at):
    before = getattr(kind, name)
    def work(trainer, *rest):
        steps = trainer.state.progress.step if kind is Trainer else trainer.stats.steps
        mark = folder / f"killed {kind.__module__}"
        if os.environ.get("RANK") == "1" and steps == at and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return before(trainer, *rest)
    setattr(kind, name, work)
if __name__ == "__main__":  # worker processes import this file
    killing(Trainer, "step", 3)
    killing(joey.Trainer, "_train_step", 12)
    main(["run", str(folder / "config.yaml"), "--corpus", str(folder / "mine"), "--run-dir", str(folder / "run")])
"""


@pytest.mark.slow
def test_a_run_goes_on_after_a_killed_process_and_has_its_table(tmp_path: Path) -> None:
    write_toy_set(tmp_path / "mine", ["glosses", "text"], lambda e: [" ".join(e.glosses), e.text])
    values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    values |= {"workers": 1, "rows": ["skeletor"], "estimator": {"name": "poses"}, "shipped_refiner": False}
    values |= {"recogniser": {"preset": "tiny", "batch": 4, "epochs": 4.0}}
    values["refiner_training"] |= {"max_steps": 2}
    values["translate"] |= {"validate_every": 10}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "job.py").write_text(JOB)
    by_torchrun(tmp_path, "--max-restarts", "3", timeout=900)
    assert len(list(tmp_path.glob("killed *"))) == 2
    run = tmp_path / "run"
    labels = [row["label"] for row in json.loads((run / "table.json").read_text(encoding="utf-8"))["rows"]]
    assert any("glosses recognised" in label for label in labels) and (run / "model").is_dir()
    for folder in ("refiner", "systems/skeletor", "systems/skeletor-recogniser", "systems/gloss2text"):
        done = json.loads((run / folder / "done.json").read_text(encoding="utf-8"))
        assert done["done"] and done["config"]["processes"] == 2
    losses = (run / "systems/skeletor-recogniser/recogniser.jsonl").read_text().splitlines()
    assert json.loads(losses[-1])["step"] == 16 * 4 / (4 * 2)
    told = (run / "log.txt").read_text(encoding="utf-8")
    assert "train skeletor-recogniser was interrupted, goes on" in told and "goes on after 10 updates" in told


def test_without_a_team_trainings_go_to_worker_processes_and_with_one_they_do_not(tmp_path: Path) -> None:
    class Two:
        count, called = 2, 0

        def call(self, work: object, folder: Path) -> None:
            self.called += 1
            folder.mkdir(exist_ok=True)

    config, team = RunConfig(recogniser=PRESETS["tiny"]), Two()
    run = Run(config, tmp_path, None, "", team=team)  # type: ignore[arg-type]
    with run.training_pool() as pool:
        assert isinstance(pool, Here) and pool.submit(max, 3, 5).result() == 5
        with pytest.raises(ZeroDivisionError):
            pool.submit(lambda: 1 // 0)
    first = run.stage("one", tmp_path / "a", Path.mkdir, {}, (), trains=True)
    alone = Run(config, tmp_path, None, "")  # type: ignore[arg-type]
    (tmp_path / "b").mkdir()
    other = alone.stage("one", tmp_path / "b", Path.exists, {}, (), trains=True)
    assert team.called == 1 and first.key != other.key
    assert run.stage("one", tmp_path / "a", Path.mkdir, {}, (), trains=True).key == first.key and team.called == 1
