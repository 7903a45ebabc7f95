"""Our options of a training as JoeyNMT's."""

from __future__ import annotations

from typing import Any

import torch
from joeynmt.config import TestConfig, TrainConfig, parse_test_args, parse_train_args, set_validation_args

from slt.translate.config import TranslateConfig


def autocast(device: torch.device, precision: str) -> dict[str, Any]:
    """The arguments of torch.autocast. precision: as of `TranslateConfig`."""
    return {"device_type": device.type, "enabled": precision != "float32", "dtype": torch.bfloat16}


def train_args(config: TranslateConfig) -> TrainConfig:
    """What JoeyNMT is told of the training."""
    plateau = config.schedule == "plateau"
    return parse_train_args(
        {
            "normalization": config.normalise_loss,
            "label_smoothing": config.label_smoothing,
            "optimizer": "adam",
            "adam_betas": [0.9, 0.998],
            "learning_rate": config.learning_rate,
            "learning_rate_min": config.plateau_end if plateau else 0.0,
            "learning_rate_warmup": max(1, config.warmup),
            "scheduling": "plateau" if plateau else "warmupinversesquareroot",  # the latter is replaced by `Schedule`
            "patience": config.patience,
            "decrease_factor": config.plateau_factor,
            "weight_decay": config.weight_decay,
            "clip_grad_norm": config.clip_norm,
            "keep_best_ckpts": config.keep,
            "logging_freq": config.validate_every,
            "validation_freq": config.validate_every,
            "print_valid_sents": [0, 1],
            "early_stopping_metric": "bleu",
            "epochs": 1_000_000,
            "updates": config.max_updates,
            "batch_size": config.batch,
        }
    )


def dev_args(config: TranslateConfig) -> TestConfig:
    """What JoeyNMT is told of the validations on dev."""
    return set_validation_args(
        parse_test_args(
            {
                "batch_size": 64,
                "max_output_length": config.max_words,
                "eval_metrics": ["bleu"],
                "sacrebleu_cfg": {"tokenize": config.score_tokens, "smooth_method": "none", "force": True},
            },
            mode="train",
        )
    )
