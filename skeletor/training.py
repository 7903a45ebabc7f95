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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from skeletor.atomic import atomic_path
from skeletor.corrupt import Body, body_of, corrupt
from skeletor.errors import InputError, SkeletorError
from skeletor.fill import prepare
from skeletor.model import Skeletor
from skeletor.pose import PoseSequence
from skeletor.progress import log, progress
from skeletor.refine import pick_device
from skeletor.skeleton import Skeleton
from skeletor.training_config import RefinerTrainConfig, train_preset
from skeletor.weights import LoadedRefiner, RefinerInfo, load_refiner, save_refiner
from skeletor.windows import ClipStore, Windows, alike, clip_store, repeat_edges

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


class TrainingDiverged(SkeletorError):
    """The loss is no longer a number. Exit code 1."""


@dataclass(frozen=True)
class RefinerTrainResult:
    """Figures of a training. Errors are mean distances of observed joints in the clips' units.

    validation_error, validation_error_input: on held-out corrupted windows after and before refinement
    (before: gaps filled); NaN without held-out clips.
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


def train_refiner(
    clips: Sequence[PoseSequence],
    config: RefinerTrainConfig,
    out: Path | str,
    seed: int = 0,
    device: str | torch.device = "cpu",
    degraded: Sequence[PoseSequence] | None = None,
    data: str = "",
    licence: str = "",
) -> RefinerTrainResult:
    """Train a refiner on clips of one skeleton and write `out`/refiner.safetensors.

    clips: 2D or 3D; those in pixels or metres are normalised first. degraded: worse versions of the same
    clips, frame by frame (for instance lifted from simulated detections), that the network learns to turn
    into the clips; they must already share the clips' normalisation. data, licence: words for the header.
    `out` also gets the log (a JSON object per line) and a checkpoint, from which a killed training goes on
    with the same losses if clips, config, seed and budget are the same.

    Raises InputError if the clips do not fit together, TrainingDiverged if the loss becomes NaN.
    """
    device = torch.device(pick_device(str(device)))
    train, held_out, skeleton, fps, units = _data(clips, degraded, config, seed, device)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        run = _Run(train, held_out, skeleton, config, Path(out), seed, device)
        run.resume()
        seconds = run.loop()
    result = RefinerTrainResult(
        weights=Path(out) / WEIGHTS,
        parameters=run.model.parameter_count(),
        steps=run.step,
        seconds=seconds,
        **run.figures(),
    )
    training = {k: v for k, v in asdict(result).items() if k != "weights"}
    info = RefinerInfo(
        preset=config.preset,
        model=run.model_arguments,
        fill=config.fill,
        minimum_confidence=config.minimum_confidence,
        skeleton=skeleton,
        fps=fps,
        units=units,
        data=data or f"{len(clips)} clips, {train.frames} frames",
        licence=licence,
        config=config.model_dump(mode="json"),
        training={**training, "seed": seed, "data_digest": run.data_digest},
    )
    save_refiner(run.model, info, result.weights)
    log.info(
        f"refiner: {result.steps} steps in {seconds:.0f} s, {result.parameters} parameters; held-out error "
        f"{result.validation_error_input:.4f} before, {result.validation_error:.4f} after refinement"
    )
    return result


def _data(
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


class _Run:
    """One training: network, optimiser, random state, and where it stands."""

    def __init__(
        self,
        train: ClipStore,
        held_out: ClipStore | None,
        skeleton: Skeleton,
        config: RefinerTrainConfig,
        out: Path,
        seed: int,
        device: torch.device,
    ) -> None:
        self.train, self.held_out, self.skeleton = train, held_out, skeleton
        self.config, self.out, self.device, self.seed = config, out, device, seed
        joints, dims = train.points.shape[1:]
        self.model_arguments: dict[str, Any] = {
            "joints": joints,
            "dims": dims,
            "window": config.window,
            **config.model.model_dump(),
        }
        self.model = Skeletor(**self.model_arguments).to(device)
        self.model.rest.copy_(train.typical_pose())
        self.body: Body = body_of(skeleton, self.model.rest)
        self.mirror = torch.as_tensor(skeleton.mirror, device=device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=device.type == "cuda",
        )
        self.generator = Generator(device).manual_seed(seed)
        self.data_digest = train.digest()
        self.step = 0
        self.seconds = 0.0
        self.data_seconds = 0.0
        self.losses = torch.zeros((), device=device)  # sum since the last log line
        self.train_loss = math.nan
        self.validation = (math.nan, math.nan)

    # ---- one step

    def batch(self, store: ClipStore, size: int, g: Generator) -> tuple[Tensor, Tensor, Windows]:
        """Prepared input (B, n1, J, D), its confidence (B, n1, J), and the windows with their targets."""
        c = self.config
        windows = store.draw(size, c.window + 2 * c.margin, c.degraded_share, g)
        points, confidence = windows.source, windows.source_confidence
        target, target_confidence = windows.target, windows.target_confidence
        if c.mirror:
            flip = torch.rand(size, generator=g, device=self.device) < 0.5
            points, confidence = _mirrored(points, confidence, flip, self.mirror)
            target, target_confidence = _mirrored(target, target_confidence, flip, self.mirror)
        points, confidence = corrupt(points, confidence, self.body, c.corruption, g)
        points = repeat_edges(points, windows.first, windows.last)
        confidence = repeat_edges(confidence, windows.first, windows.last)
        points, confidence = prepare(points, confidence, c.fill, c.minimum_confidence, self.skeleton, self.model.rest)
        cut = slice(c.margin, c.margin + c.window)
        kept = Windows(points, confidence, target[:, cut], target_confidence[:, cut], windows.first, windows.last)
        return points[:, cut].contiguous(), confidence[:, cut].contiguous(), kept

    def loss(self, predicted: Tensor, windows: Windows) -> Tensor:
        """Mean squared (or absolute) error of observed joints, of their velocities and of bone lengths."""
        c, target = self.config, windows.target
        seen = (windows.target_confidence > 0).to(predicted.dtype)  # (B, T, J)
        total = _mean_error(predicted - target, seen, c.loss)
        if c.velocity_weight:
            velocity = (predicted - target).diff(dim=1)
            total = total + c.velocity_weight * _mean_error(velocity, seen[:, 1:] * seen[:, :-1], c.loss)
        if c.bone_weight and self.skeleton.bones:
            parents, children = torch.tensor(self.skeleton.bones, device=self.device).T
            lengths = [(p[:, :, children] - p[:, :, parents]).norm(dim=-1) for p in (predicted, target)]
            both = seen[:, :, parents] * seen[:, :, children]
            total = total + c.bone_weight * _mean_error((lengths[0] - lengths[1])[..., None], both, c.loss)
        return total

    def train_step(self) -> None:
        """Draw, corrupt, predict, learn."""
        c = self.config
        began = time.perf_counter()
        points, confidence, windows = self.batch(self.train, c.batch_size, self.generator)
        self.data_seconds += time.perf_counter() - began
        rate = c.learning_rate * self.rate_factor()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        half = self.device.type == "cuda" and c.bf16
        with torch.autocast("cuda", torch.bfloat16) if half else nullcontext():
            predicted = self.model(points, confidence)
        loss = self.loss(predicted.float(), windows)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.gradient_clip)
        self.optimizer.step()
        self.losses += loss.detach()
        self.step += 1

    def rate_factor(self) -> float:
        """Warm-up by steps, then a cosine over the budget of steps or of time, whichever is further spent."""
        c = self.config
        warm = min(1.0, (self.step + 1) / c.warmup_steps) if c.warmup_steps else 1.0
        return warm if c.schedule == "constant" else warm * 0.5 * (1 + math.cos(math.pi * self.spent()))

    def spent(self) -> float:
        """Share of the budget that is used up, 0 to 1."""
        c = self.config
        clock = self.seconds / (60 * c.max_minutes) if c.max_minutes else 0.0
        return min(1.0, max(self.step / c.max_steps, clock))

    # ---- the loop

    def loop(self) -> float:
        """Train until the budget is spent; returns the seconds of all sessions together."""
        c = self.config
        self.out.mkdir(parents=True, exist_ok=True)
        self.model.train()
        logged_step, logged_data, logged_at = self.step, self.data_seconds, self.seconds
        began = time.monotonic() - self.seconds
        for _ in progress(range(self.step, c.max_steps), "train refiner", c.max_steps - self.step, "step"):
            if self.spent() >= 1:
                break
            self.train_step()
            self.seconds = time.monotonic() - began
            ends = self.spent() >= 1
            if self.step % c.log_every == 0 or ends:
                self.train_loss = float(self.losses) / (self.step - logged_step)
                elapsed = max(1e-9, self.seconds - logged_at)
                self.write_log(logged_step, elapsed, (self.data_seconds - logged_data) / elapsed)
                self.losses.zero_()
                logged_step, logged_data, logged_at = self.step, self.data_seconds, self.seconds
            if self.held_out is not None and (self.step % c.validate_every == 0 or ends):
                self.validate()
            if self.step % c.checkpoint_every == 0 or ends:
                self.save()
        return self.seconds

    def write_log(self, since: int, elapsed: float, data_share: float) -> None:
        """One JSON line; TrainingDiverged if the mean loss since the last one is no number."""
        if not math.isfinite(self.train_loss):
            raise TrainingDiverged(
                f"{self.out}: the refiner's loss became {self.train_loss} before step {self.step}; "
                "lower learning_rate, and look for outliers in the clips"
            )
        entry = {
            "step": self.step,
            "loss": self.train_loss,
            "lr": self.optimizer.param_groups[0]["lr"],
            "windows_per_second": round((self.step - since) * self.config.batch_size / elapsed, 1),
            "data_wait_share": round(data_share, 4),
            "seconds": round(self.seconds, 1),
        }
        with open(self.out / LOG, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    @torch.no_grad()
    def validate(self) -> None:
        """Mean distance of observed joints on held-out windows, before and after; the same windows every time."""
        assert self.held_out is not None
        self.model.eval()
        g = Generator(self.device).manual_seed(self.seed + 1)
        sums = torch.zeros(3, device=self.device)
        for _ in range(max(1, 64 // self.config.batch_size)):
            points, confidence, windows = self.batch(self.held_out, self.config.batch_size, g)
            predicted = self.model(points, confidence)
            seen = windows.target_confidence > 0
            for k, guess in enumerate((points, predicted)):
                sums[k] += (guess - windows.target).norm(dim=-1)[seen].sum()
            sums[2] += seen.sum()
        self.validation = (float(sums[0] / sums[2]), float(sums[1] / sums[2]))
        entry = {
            "step": self.step,
            "validation_error_input": self.validation[0],
            "validation_error": self.validation[1],
        }
        with open(self.out / LOG, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self.model.train()

    def figures(self) -> dict[str, float]:
        """For the result."""
        return {
            "train_loss": self.train_loss,
            "validation_error_input": self.validation[0],
            "validation_error": self.validation[1],
            "windows_per_second": self.step * self.config.batch_size / max(self.seconds, 1e-9),
            "data_wait_share": self.data_seconds / max(self.seconds, 1e-9),
        }

    # ---- checkpoints

    def identity(self) -> str:
        """Two runs of one identity take the same steps."""
        return f"{self.config.digest()} {self.data_digest} seed {self.seed}"

    def save(self) -> None:
        """Write the checkpoint atomically."""
        state = {
            "identity": self.identity(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "torch_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            "counters": [self.step, self.seconds, self.data_seconds, self.train_loss, *self.validation],
            "losses": self.losses,
        }
        with atomic_path(self.out / CHECKPOINT) as temporary:
            torch.save(state, temporary)

    def resume(self) -> None:
        """Go on from the checkpoint in `out`, if it is one of this very run; otherwise begin anew."""
        path = self.out / CHECKPOINT
        state = None
        if path.is_file():
            try:
                state = torch.load(path, map_location=self.device, weights_only=True)
            except Exception as error:  # a damaged file: torch raises many types
                log.warning(f"{path}: cannot be read ({type(error).__name__}); the training begins anew")
        if state is not None and state.get("identity") != self.identity():
            log.warning(f"{path}: of another run (clips, config or seed differ); the training begins anew")
            state = None
        if state is None:
            (self.out / LOG).unlink(missing_ok=True)
            return
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        torch.set_rng_state(state["torch_rng"].cpu())
        if state["cuda_rng"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"].cpu(), self.device)
        step, self.seconds, self.data_seconds, self.train_loss, *validation = state["counters"]
        self.step, self.validation = int(step), (validation[0], validation[1])
        self.losses = state["losses"]
        _cut_log(self.out / LOG, self.step)
        log.info(f"refiner: goes on from step {self.step}")


def _mirrored(points: Tensor, confidence: Tensor, flip: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror the windows in `flip` (B,): x changes its sign, left and right change places."""
    other = points[:, :, order].clone()
    other[..., 0].neg_()
    return (
        torch.where(flip[:, None, None, None], other, points),
        torch.where(flip[:, None, None], confidence[:, :, order], confidence),
    )


def _mean_error(difference: Tensor, weight: Tensor, loss: str) -> Tensor:
    """Mean over coordinates of joints with weight 1. difference: (..., J, D); weight: (..., J)."""
    error = difference.square() if loss == "mse" else difference.abs()
    return (error * weight[..., None]).sum() / (weight.sum() * difference.shape[-1]).clamp(min=1)


def _cut_log(path: Path, step: int) -> None:
    """Drop the lines of steps that a killed run took after its last checkpoint."""
    if path.is_file():
        lines = [x for x in path.read_text(encoding="utf-8").splitlines() if x.endswith("}")]
        kept = [x for x in lines if json.loads(x)["step"] <= step]
        path.write_text("".join(x + "\n" for x in kept), encoding="utf-8")
