"""Unsupervised training of the refiner (the paper, section 4.1).

Windows of good clips are corrupted; the network has to give the clips back. No truth is used: the targets
are what the estimator and the lifter made of clear videos, and only joints that were really observed count.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Generator, Tensor

from skeletor.atomic import atomic_path
from skeletor.errors import InputError, SkeletorError
from skeletor.hands import carriers
from skeletor.networks import Network, build_network
from skeletor.objective import Task, corrupted_batch, make_task, refiner_loss
from skeletor.pose import PoseSequence
from skeletor.progress import log, progress
from skeletor.refiners import pick_device
from skeletor.skeleton import Skeleton
from skeletor.training_config import RefinerTrainConfig, train_preset
from skeletor.weights import LoadedRefiner, RefinerInfo, load_refiner, save_refiner
from skeletor.windows import ClipStore, alike, clip_store

__all__ = [
    "LoadedRefiner",
    "RefinerTrainConfig",
    "RefinerTrainResult",
    "TrainingDiverged",
    "load_refiner",
    "train_preset",
    "train_refiner",
]

WEIGHTS = "refiner.safetensors"
CHECKPOINT = "refiner.checkpoint.pt"
LOG = "refiner.jsonl"
VALIDATION_WINDOWS = 64


class TrainingDiverged(SkeletorError):
    """The loss is no longer a number. Exit code 1."""


@dataclass(frozen=True)
class RefinerTrainResult:
    """Figures of a training. Errors are mean distances of observed joints in the clips' units.

    validation_error, validation_error_input: on held-out corrupted windows after and before refinement
    (before: gaps filled); NaN without held-out clips. data_wait_share: of the time, spent on making batches.
    """

    weights: Path
    parameters: int
    steps: int
    seconds: float
    train_loss: float
    validation_error: float
    validation_error_input: float
    windows_per_second: float
    data_wait_share: float


@dataclass
class _Progress:
    """Where a training stands; all of it is in the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    data_seconds: float = 0.0
    loss_sum: Tensor | float = 0.0  # since the last line of the log
    logged: tuple[int, float, float] = (0, 0.0, 0.0)  # step, seconds, data_seconds at that line
    train_loss: float = math.nan
    validation: tuple[float, float] = (math.nan, math.nan)  # input, refined


@dataclass(frozen=True)
class _Parts:
    """What a training works with."""

    model: Network
    optimizer: torch.optim.Optimizer
    generator: Generator
    train: ClipStore
    held_out: ClipStore | None
    task: Task
    device: torch.device
    out: Path
    seed: int
    identity: str
    state: _Progress = field(default_factory=_Progress)


def train_refiner(
    clips: Sequence[PoseSequence],
    config: RefinerTrainConfig,
    out: Path | str,
    seed: int = 0,
    device: str | torch.device = "cpu",
    degraded: Sequence[PoseSequence] | None = None,
    data: str = "",
    licence: str = "",
    snapshots: Sequence[int] = (),
) -> RefinerTrainResult:
    """Train a refiner on clips of one skeleton and write `out`/refiner.safetensors.

    clips: 2D or 3D; those in pixels or metres are normalised first. degraded: worse versions of the same
    clips, frame by frame (for instance lifted from simulated detections), that the network learns to turn
    into the clips. data, licence: words for the header. `out` also gets the log (a JSON object per line) and
    a checkpoint, from which a killed training goes on, with the same losses if the budget is one of steps.
    A checkpoint of other clips, another config or seed is not used, and overwritten. snapshots: steps after
    which the network's tensors are written to `out` too, see `snapshot_path`.

    Raises InputError if the clips do not fit together, TrainingDiverged if the loss becomes NaN.
    """
    place = torch.device(pick_device(str(device)))
    train, held_out, skeleton, fps, units = _stores(clips, degraded, config, seed, place)
    with torch.random.fork_rng([place] if place.type == "cuda" else []):
        torch.manual_seed(seed)
        arguments = model_arguments(config, skeleton, train.points.shape[2])
        parts = _start(arguments, train, held_out, skeleton, config, place, Path(out), seed)
        _resume(parts)
        _loop(parts, config, frozenset(snapshots))
    state, model = parts.state, parts.model
    result = RefinerTrainResult(
        weights=parts.out / WEIGHTS,
        parameters=model.parameter_count(),
        steps=state.step,
        seconds=state.seconds,
        train_loss=state.train_loss,
        validation_error_input=state.validation[0],
        validation_error=state.validation[1],
        windows_per_second=state.step * config.batch_size / max(state.seconds, 1e-9),
        data_wait_share=state.data_seconds / max(state.seconds, 1e-9),
    )
    info = RefinerInfo(
        preset=config.preset,
        model=arguments,
        fill=config.fill,
        minimum_confidence=config.minimum_confidence,
        skeleton=skeleton,
        fps=fps,
        units=units,
        data=data or f"{len(clips)} clips, {train.frames} frames",
        licence=licence,
        config=config.model_dump(mode="json"),
        training={**_finite(asdict(result)), "seed": seed, "identity": parts.identity},
    )
    save_refiner(model, info, result.weights)
    log.info(
        f"refiner: {result.steps} steps in {result.seconds:.0f} s, {result.parameters} parameters; held-out error "
        f"{result.validation_error_input:.4f} before, {result.validation_error:.4f} after refinement"
    )
    return result


def model_arguments(config: RefinerTrainConfig, skeleton: Skeleton, dims: int) -> dict[str, Any]:
    """The arguments of `build_network` for a config and a skeleton."""
    shape = config.model.model_dump()
    seen_from = carriers(skeleton) if shape.pop("local") else None
    return {"joints": len(skeleton), "dims": dims, "window": config.window, "carriers": seen_from, **shape}


def _finite(figures: dict[str, Any]) -> dict[str, Any]:
    """Without the path, and with None for NaN, which JSON does not know."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in figures.items()
        if key != "weights"
    }


def _stores(
    clips: Sequence[PoseSequence],
    degraded: Sequence[PoseSequence] | None,
    config: RefinerTrainConfig,
    seed: int,
    device: torch.device,
) -> tuple[ClipStore, ClipStore | None, Skeleton, float, str]:
    """Training clips and held-out clips on the device; and what all of them share."""
    if degraded is not None and [len(c) for c in degraded] != [len(c) for c in clips]:
        raise InputError("degraded clips must have the frames of the clips, one for one")
    keep = [k for k, clip in enumerate(clips) if len(clip)]
    if not keep:
        raise InputError("no clips to train a refiner on")
    fps, skeleton = config.fps or clips[keep[0]].fps, clips[keep[0]].skeleton
    ready = alike([clips[k] for k in keep], fps, skeleton)
    worse = None if degraded is None else alike([degraded[k] for k in keep], fps, skeleton)
    count = max(1, round(config.validation_share * len(ready))) if config.validation_share and len(ready) > 1 else 0
    order = torch.randperm(len(ready), generator=Generator().manual_seed(seed)).tolist()

    def store(chosen: list[int]) -> ClipStore:
        chosen = sorted(chosen)
        return clip_store([ready[k] for k in chosen], None if worse is None else [worse[k] for k in chosen], device)

    held_out = store(order[:count]) if count else None
    return store(order[count:]), held_out, skeleton, fps, ready[0].provenance.units


def _start(
    arguments: dict[str, Any],
    train: ClipStore,
    held_out: ClipStore | None,
    skeleton: Skeleton,
    config: RefinerTrainConfig,
    device: torch.device,
    out: Path,
    seed: int,
) -> _Parts:
    """A training at step 0."""
    model = build_network(arguments).to(device)
    model.rest.copy_(train.typical_pose())
    model.scale.copy_(train.spread(model.seen_from_carrier))
    return _Parts(
        model=model,
        optimizer=torch.optim.AdamW(
            model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,  # 0 makes it Adam
            fused=device.type == "cuda",
        ),
        generator=Generator(device).manual_seed(seed),
        train=train,
        held_out=held_out,
        task=make_task(skeleton, model.rest.clone()),
        device=device,
        out=out,
        seed=seed,
        identity=f"{config.digest()} {train.digest()} seed {seed}",
    )


def snapshot_path(out: Path | str, step: int) -> Path:
    """Where a training in `out` puts the tensors (safetensors, no header) that it had after `step` steps."""
    return Path(out) / f"refiner.step-{step}.safetensors"


def _loop(parts: _Parts, config: RefinerTrainConfig, snapshots: frozenset[int] = frozenset()) -> None:
    """Train until the budget is spent, with log, validation and checkpoints on the way."""
    state = parts.state
    parts.out.mkdir(parents=True, exist_ok=True)
    parts.model.train()
    began = time.monotonic() - state.seconds
    for _ in progress(range(state.step, config.max_steps), "train refiner", config.max_steps - state.step, "step"):
        if _spent(state, config) >= 1:
            break
        _train_step(parts, config)
        state.seconds = time.monotonic() - began
        ends = _spent(state, config) >= 1
        if state.step % config.log_every == 0 or ends:
            _write_figures(parts, config)
        if parts.held_out is not None and (state.step % config.validate_every == 0 or ends):
            _validate(parts, parts.held_out, config)
        if state.step % config.checkpoint_every == 0 or ends:
            _save(parts)
        if state.step in snapshots:
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in parts.model.state_dict().items()}
            with atomic_path(snapshot_path(parts.out, state.step)) as temporary:
                save_file(tensors, temporary)
    parts.model.eval()


def _spent(state: _Progress, config: RefinerTrainConfig) -> float:
    """Share of the budget that is used up, 0 to 1: of steps or of time, whichever is further spent."""
    clock = state.seconds / (60 * config.max_minutes) if config.max_minutes else 0.0
    return min(1.0, max(state.step / config.max_steps, clock))


def _rate(state: _Progress, config: RefinerTrainConfig) -> float:
    """Learning rate: warm-up by steps, then constant or a cosine over the budget."""
    warm = min(1.0, (state.step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    cosine = 0.5 * (1 + math.cos(math.pi * _spent(state, config))) if config.schedule == "cosine" else 1.0
    return config.learning_rate * warm * cosine


def _train_step(parts: _Parts, config: RefinerTrainConfig) -> None:
    """Draw, corrupt, predict, learn."""
    state = parts.state
    began = time.perf_counter()
    batch = corrupted_batch(parts.train, parts.task, config.batch_size, config, parts.generator)
    state.data_seconds += time.perf_counter() - began
    for group in parts.optimizer.param_groups:
        group["lr"] = _rate(state, config)
    half = parts.device.type == "cuda" and config.bf16
    with torch.autocast("cuda", torch.bfloat16) if half else nullcontext():
        predicted = parts.model(batch.points, batch.confidence)
    loss = refiner_loss(predicted.float(), batch, config, parts.task.skeleton)
    parts.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parts.model.parameters(), config.gradient_clip)
    parts.optimizer.step()
    state.loss_sum = state.loss_sum + loss.detach()  # no .item(): a GPU need not wait
    state.step += 1


def _write_figures(parts: _Parts, config: RefinerTrainConfig) -> None:
    """A line of the log; TrainingDiverged if the mean loss since the last one is no number."""
    state = parts.state
    step, seconds, data_seconds = state.logged
    state.train_loss = float(state.loss_sum) / max(1, state.step - step)
    if not math.isfinite(state.train_loss):
        raise TrainingDiverged(
            f"{parts.out}: the refiner's loss became {state.train_loss} between steps {step} and {state.step}; "
            "lower learning_rate, and look for outliers in the clips"
        )
    elapsed = max(1e-9, state.seconds - seconds)
    figures = {
        "step": state.step,
        "loss": state.train_loss,
        "lr": parts.optimizer.param_groups[0]["lr"],
        "windows_per_second": round((state.step - step) * config.batch_size / elapsed, 1),
        "data_wait_share": round((state.data_seconds - data_seconds) / elapsed, 4),
        "seconds": round(state.seconds, 1),
    }
    _append(parts.out / LOG, figures)
    state.loss_sum = 0.0
    state.logged = (state.step, state.seconds, state.data_seconds)


@torch.no_grad()
def _validate(parts: _Parts, held_out: ClipStore, config: RefinerTrainConfig) -> None:
    """Mean distance of observed joints on held-out windows, before and after; the same windows every time."""
    parts.model.eval()
    g = Generator(parts.device).manual_seed(parts.seed + 1)
    sums = torch.zeros(3, device=parts.device)
    size = min(config.batch_size, VALIDATION_WINDOWS)
    for _ in range(VALIDATION_WINDOWS // size):
        batch = corrupted_batch(held_out, parts.task, size, config, g)
        seen = batch.target_confidence > 0
        for k, guess in enumerate((batch.points, parts.model(batch.points, batch.confidence))):
            sums[k] += (guess - batch.target).norm(dim=-1)[seen].sum()
        sums[2] += seen.sum()
    error = (sums[:2] / sums[2].clamp(min=1)).tolist()
    parts.state.validation = (error[0], error[1])
    figures = {"step": parts.state.step, "validation_error_input": error[0], "validation_error": error[1]}
    _append(parts.out / LOG, figures)
    parts.model.train()


def _save(parts: _Parts) -> None:
    """Write the checkpoint atomically."""
    state = {
        "identity": parts.identity,
        "model": parts.model.state_dict(),
        "optimizer": parts.optimizer.state_dict(),
        "generator": parts.generator.get_state(),
        "torch_rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state(parts.device) if parts.device.type == "cuda" else None,
        "progress": {**vars(parts.state), "loss_sum": torch.as_tensor(parts.state.loss_sum)},
    }
    with atomic_path(parts.out / CHECKPOINT) as temporary:
        torch.save(state, temporary)


def _resume(parts: _Parts) -> None:
    """Go on from the checkpoint in `out`, if it is one of this very training; otherwise begin anew."""
    path = parts.out / CHECKPOINT
    saved: dict[str, Any] | None = None
    if path.is_file():
        try:
            saved = torch.load(path, map_location=parts.device, weights_only=True)
        except Exception as error:  # a damaged file: torch raises many types
            log.warning(f"{path}: cannot be read ({type(error).__name__}); the training begins anew")
    if saved is not None and saved.get("identity") != parts.identity:
        log.warning(f"{path}: of another training (clips, config or seed differ); this one begins anew")
        saved = None
    if saved is None:
        (parts.out / LOG).unlink(missing_ok=True)
        return
    parts.model.load_state_dict(saved["model"])
    parts.optimizer.load_state_dict(saved["optimizer"])
    parts.generator.set_state(saved["generator"].cpu())
    torch.set_rng_state(saved["torch_rng"].cpu())
    if saved["cuda_rng"] is not None:
        torch.cuda.set_rng_state(saved["cuda_rng"].cpu(), parts.device)
    vars(parts.state).update(saved["progress"])
    _cut_log(parts.out / LOG, parts.state.step)
    log.info(f"refiner: goes on from step {parts.state.step}")


def _append(path: Path, figures: dict[str, Any]) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")


def _cut_log(path: Path, step: int) -> None:
    """Drop what a killed training wrote after its last checkpoint, and a line that it did not end."""
    if path.is_file():
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
