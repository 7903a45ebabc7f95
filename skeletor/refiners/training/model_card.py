"""The card of a trained refiner: what it is, what it learned from, how good it is, how to use it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skeletor.files.card import write_beside
from skeletor.refiners.weights import RefinerInfo


def write_card(info: RefinerInfo, weights: Path) -> Path:
    """Write the card beside the weights, atomically; returns its path (`skeletor.files.card`)."""
    return write_beside(weights, model_card(info, weights.name))


def model_card(info: RefinerInfo, file: str) -> str:
    """The card in Markdown. All figures are those of the weights' header."""
    figures = info.training
    dims = info.model.get("dims")
    corruption = info.config.get("corruption", {})
    return f"""# Skeletor refiner `{file}`

Repairs noisy skeletons of signers: {dims}D poses of the skeleton `{info.skeleton.name}` ({len(info.skeleton)} joints)
in, the same frames out, with gaps filled and wrong joints moved. Preset `{info.preset}`, \
{figures.get("parameters")} parameters, windows of {info.model.get("window")} frames at {info.fps:g} frames/s, \
coordinates in unit "{info.units}" (others are brought into it and back).

## Data
{info.data or "not stated"}
Licence of the data: {info.licence or "not stated"}

## Figures
{_table(figures, ("steps", "seconds", "windows_per_second", "data_wait_share", "train_loss"))}
Mean distance of observed joints from the held-out clips after corruption, in unit "{info.units}": \
{_number(figures.get("validation_error_input"))} with the gaps filled, \
{_number(figures.get("validation_error"))} refined.
These windows were corrupted by the code that also made the training's input, and their targets are what the estimator
saw, not the truth: the figure shows that the network learned, not how far it is from the truth.

## Use
```
skeletor refine POSES --weights {file}
```
or `skeletor.refine(keypoints, confidence, fps, weights="{file}")`; frame by frame:
`skeletor.refiners.inference.stream`.

## Limits
- Joints and errors unlike those of its data and of the corruption below are repaired badly or not at all.
- Joints with a confidence below {info.minimum_confidence:g} are taken as missing (`fill: {info.fill}`).
- It makes a pose plausible; it does not know the sign. A hand that was never seen is invented.

## Config
{_table(info.config, tuple(k for k in info.config if not isinstance(info.config[k], Mapping)))}
Model: {_line(info.config.get("model", {}))}
Corruption: {_line(corruption)}
Seed {figures.get("seed")}.
"""


def _table(values: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    lines = [f"| {key} | {_number(values[key])} |" for key in keys if key in values]
    return "\n".join(["| | |", "|---|---|", *lines, ""])


def _line(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_number(value)}" for key, value in values.items())


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "none" if value is None else str(value)
