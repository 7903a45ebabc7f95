"""Readers with weights drawn at random: what holds of several of them needs no training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from slt.recognise.config import PRESETS as RECOGNISERS
from slt.recognise.config import RecogniserConfig
from slt.recognise.decoding.decode import Reading
from slt.recognise.decoding.trigram import Trigram
from slt.recognise.network import RecogniserNetwork
from slt.recognise.recogniser import Recogniser
from slt.translate.config import PRESETS, TranslateConfig
from slt.translate.features import WIDTH, FeatureStats
from slt.translate.joey.decoding.decode import Decoding
from slt.translate.joey.text import fit_text
from slt.translate.translator import Translator, new_model

GLOSSES = ("REGEN", "SCHNEE", "SONNE", "WIND")
TEXTS = ("regen und wind .", "sonne .", "viel schnee und sonne .")
CPU = torch.device("cpu")


def recogniser(
    seed: int, config: RecogniserConfig = RECOGNISERS["tiny"], glosses: tuple[str, ...] = GLOSSES
) -> Recogniser:
    torch.manual_seed(seed)
    network = RecogniserNetwork(config, len(glosses)).eval()
    with torch.no_grad():
        network.head.weight.mul_(6)  # so that something is read
    rng = np.random.default_rng(seed)
    stats = FeatureStats(rng.normal(0, 0.1, WIDTH).astype(np.float32), np.full(WIDTH, 0.5 + 0.1 * seed, np.float32))
    trigram = Trigram.fit([(1, 4), (3,), (2, 3)], len(glosses))
    return Recogniser(network, config, glosses, stats, trigram, Reading(beam=3, weight=0.2, bonus=0.5), CPU)


def translator(
    seed: int, folder: Path, config: TranslateConfig = PRESETS["tiny"], glosses: tuple[str, ...] = GLOSSES
) -> Translator:
    text = fit_text(TEXTS, folder, "word")
    torch.manual_seed(seed)
    model = new_model(config, text, glosses).eval()
    return Translator(model, text, config, Decoding(3, 1.0, 8), CPU, None, glosses)
