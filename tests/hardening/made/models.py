"""The model that the suites use: a given one, the newest, or a tiny one that is trained here."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from skeletor.support.errors import InputError
from tests.hardening.children import Server
from tests.hardening.made.poses import pose_3d

_lock = threading.Lock()
# Smaller than configs/tiny.yaml, so that it can be run, and broken off, many times: one row has every stage. Few
# pictures a second, for they take most of the time; five dev clips are the fewest to which an abstention is fitted.
RUN = {
    "seed": 1, "workers": 2, "gloss2text": False, "motion_refiner": False, "shipped_refiner": False, "smoothers": [],
    "rows": ["skeletor"],
    "corpus": {"fps": 6.0, "train": 6, "dev": 5, "test": 1, "calibration": 2, "studio": 2, "studio_motion": 3,
               "negatives": 1},
    "refiner_training": {"model": {"d_model": 16, "d_ff": 32, "heads": 2, "layers": 1}, "max_steps": 12,
                         "warmup_steps": 2, "checkpoint_every": 4},
    "translate": {"layers": 1, "hidden": 16, "feed_forward": 32, "heads": 2, "warmup": 4, "max_updates": 12,
                  "validate_every": 4, "beams": [1, 2], "alphas": [0.0]},
}  # fmt: skip


def write_config(path: Path, content: object) -> Path:
    """A YAML file."""
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def trained_model(given: Path | None, work: Path, server: Callable[[], Server]) -> Path:
    """`given`; else the newest under runs/; else one that a tiny run makes in `work`, once."""
    from slt.inference.chain import newest_model

    with _lock:
        found = given or newest_model() or newest_model(work)
        if found is not None:
            return found.resolve()
        work.mkdir(parents=True, exist_ok=True)
        config = write_config(work / "run.yaml", RUN)
        done = server().run("slt", ["run", config, "--run-dir", work / "tiny"], work, work / "run", 1200)
        made = newest_model(work)
        if done.code or made is None:
            raise InputError(f"{work}: no model could be trained: {done.err[-300:]}")
        return made


def speaking_model(model: Path, folder: Path) -> Path:
    """A copy of a model that abstains from nothing, so that every input has a result to be lost."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    from skeletor.poses.pose import file_sha256
    from slt.translate.abstain import FILE
    from slt.translate.signals import SIGNALS

    def opened(value: Any) -> Any:
        """The same values with limits that nothing reaches."""
        if (
            isinstance(value, dict)
            and set(SIGNALS) <= set(value)
            and not any(isinstance(v, list) for v in value.values())
        ):
            return {name: SIGNALS[name].sign * 1e9 if name in SIGNALS else limit for name, limit in value.items()}
        return {name: opened(part) for name, part in value.items()} if isinstance(value, dict) else value

    with _lock:
        if folder.is_dir():
            return folder
        shutil.copytree(model, temporary := folder.with_name(folder.name + ".copy"), dirs_exist_ok=True)
        path = temporary / FILE
        with safe_open(path, framework="np") as file:
            about = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        about["values"] = json.dumps(opened(json.loads(about["values"])))
        path.unlink()
        save_file(arrays, path, about)
        config = opened(yaml.safe_load((temporary / "model.yaml").read_text(encoding="utf-8")))
        config["files"][FILE] = file_sha256(path)
        write_config(temporary / "model.yaml", config)
        return temporary.rename(folder)


def small_model(folder: Path, seed: int = 0) -> Path:
    """A model folder in seconds: of noise, it understands nothing. For what is said of folders, not of sentences."""
    from slt.inference.model_folder import Card, ModelConfig, save_model_folder
    from slt.translate.abstain import fit_abstention
    from slt.translate.config import PRESETS
    from slt.translate.joey.batches import Example
    from slt.translate.train import train_translator
    from slt.translate.translator import Translator

    with _lock:
        if (folder / "model").is_dir():
            return folder / "model"
        rng = np.random.default_rng(seed)
        poses = [pose_3d(rng, 12 + k) for k in range(8)]
        examples = [Example(f"c{k}", pose, "am tag regnet es .") for k, pose in enumerate(poses)]
        options = PRESETS["tiny"].model_copy(update={"max_updates": 4, "validate_every": 2})
        train_translator(examples, examples, options, folder / "translator", seed, "cpu")
        abstention = fit_abstention(Translator.load(folder / "translator", "cpu"), poses, poses, poses)
        config = ModelConfig({"name": "mediapipe"}, "0.10.14", {"mode": "fast"}, {"name": "savgol"}, 25.0)
        card = Card("A model of noise", "Random motion.", "none needed", "It understands nothing.")
        return save_model_folder(folder / "model", config, folder / "translator", abstention, {}, card)
