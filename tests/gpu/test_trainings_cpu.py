"""The quick ones of the GPU's tests, on the CPU: so their bodies are known to work where no GPU is."""

from pathlib import Path

import pytest
import torch

from tests.gpu.trainings import (
    lifter_material,
    train_and_resume_lifter,
    train_and_resume_recogniser,
    train_and_resume_refiner,
    train_and_resume_translator,
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_a_refiner_is_trained_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_and_resume_refiner(tmp_path, "cpu", monkeypatch)


def test_a_lifter_is_trained_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_and_resume_lifter(tmp_path, "cpu", monkeypatch, "joint-token", lifter_material())


def test_a_translator_is_trained_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_and_resume_translator(tmp_path, "cpu", monkeypatch, "tiny")


def test_a_recogniser_is_trained_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_and_resume_recogniser(tmp_path, "cpu", monkeypatch, bf16=True)
