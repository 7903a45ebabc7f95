"""An exported model, and a Hub on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from slt.inference.chain import SHIPPED
from slt.inference.model_files import CONFIG
from slt.inference.model_folder import Card
from slt.sharing.export import export_model
from tests.slt.sharing.hub_stand_in import Hub, hub_running


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model as a run writes one, which says what it is; not to be changed."""
    folder = Path(shutil.copytree(SHIPPED, tmp_path_factory.mktemp("plain") / "model"))
    config = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    config["card"] = Card("Rendered", "", "none", "", dataset="rendered", languages=["de"]).plain()
    (folder / CONFIG).write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def exported(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model with its card; not to be changed."""
    return export_model(plain, tmp_path_factory.mktemp("exported") / "model")


@pytest.fixture
def model(exported: Path, tmp_path: Path) -> Path:
    """A copy of it that may be spoiled."""
    return Path(shutil.copytree(exported, tmp_path / "model"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub that nobody else uses, and a login to it. Uploads go by LFS: it has no Xet storage."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="the extra `hub` is not installed")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with hub_running() as running:
        yield running
