"""Batches of frames for JoeyNMT, and the changes that a training clip may undergo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from slt.sign2text.decoded import FrameStore
from slt.translate.joey.batches import CPU, TARGET, SequenceBatch, SequenceDataset
from slt.translate.joey.text import Text

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class FrameDataset(SequenceDataset):
    """Clips of frames (on disk) and their sentences; what is no frame comes from `SequenceDataset`.

    Every `stride`-th frame is used. In training the first one is drawn, clips are cut after `max_frames` used frames
    and sentences after `max_words` tokens, `change` is applied, and the decoder's input shows <unk> for a share
    `word_dropout` of the words, so that it cannot live on them alone; else a clip is used whole.
    """

    def __init__(
        self, clips: FrameStore | Sequence[np.ndarray], names: Sequence[str], texts: Sequence[str], text: Text,
        split: str, stride: int, max_frames: int, max_words: int, change: Change | None = None,
        word_dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(clips, names, texts, text.words, text.tokenizer, split)
        self.stride, self.max_frames, self.change = stride, max_frames, change
        self.word_dropout, self.unknown = word_dropout, text.words.unk_index
        if split == "train":
            self.tokens = [tokens[:max_words] for tokens in self.tokens]

    def __getitem__(self, idx: int | str) -> tuple[int, Any, Any]:
        index = int(idx)
        frames = self.sources[index]
        if self.split != "train":
            return index, frames[:: self.stride], self.tokens[index]
        rng = np.random.default_rng([self.seed, index])
        first = int(rng.integers(min(self.stride, len(frames))))
        used = np.asarray(frames[first :: self.stride][: self.max_frames])  # (T', H, W, 3)
        return index, self.change(used, rng) if self.change else used, self.tokens[index]

    def collate_fn(
        self, batch: list[tuple[int, Any, Any]], pad_index: int, eos_index: int, device: torch.device = CPU
    ) -> SequenceBatch:
        """Items to a batch: frames (B, T, H, W, 3) uint8, trg (B, L).

        Frames behind a clip's end are black and not looked at.
        """
        indices, clips, tokens = zip(*batch, strict=True)
        frames, lengths = pad_frames(clips)
        trg = torch.tensor(self.sequence_encoder[TARGET](list(tokens))[0])  # (B, L)
        made = SequenceBatch(
            frames, lengths, trg, torch.tensor(indices), device, pad_index, eos_index, self.split == "train"
        )
        if self.split == "train" and self.word_dropout > 0:
            shown = made.trg_input  # (B, L - 1), the begin symbol first
            hidden = np.random.default_rng([self.seed, *indices]).random(shown.shape) < self.word_dropout
            hidden[:, 0] = False
            hides = torch.from_numpy(hidden).to(device) & (shown != pad_index)
            made.trg_input = shown.masked_fill(hides, self.unknown)
        return made


def pad_frames(clips: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips (T_i, H, W, 3) uint8 to (B, T, H, W, 3) with zeros behind, and their lengths (B,)."""
    lengths = [len(clip) for clip in clips]
    frames = np.zeros((len(clips), max(lengths), *clips[0].shape[1:]), np.uint8)
    for row, clip in zip(frames, clips, strict=True):
        row[: len(clip)] = clip
    return torch.from_numpy(frames), torch.tensor(lengths)


def change_frames(
    frames: np.ndarray, rng: np.random.Generator, shift: float = 0.0, brightness: float = 0.0, mirror: bool = False
) -> np.ndarray:
    """A changed copy of (T, H, W, 3) uint8 frames, all of them alike.

    shift: moved by up to this share of height and width, the border repeated. brightness: contrast (around middle
    grey) and brightness (of the whole range) change by up to this share. mirror: left for right, half of the time.
    """
    height, width = frames.shape[1:3]
    if shift > 0:
        down, right = (round(size * rng.uniform(-shift, shift)) for size in (height, width))
        rows = np.clip(np.arange(height) - down, 0, height - 1)
        columns = np.clip(np.arange(width) - right, 0, width - 1)
        frames = frames[:, rows][:, :, columns]
    if brightness > 0:
        contrast, level = rng.uniform(-brightness, brightness, 2)
        table = (np.arange(256) - 128) * (1 + contrast) + 128 + 255 * level / 2
        frames = np.clip(table.round(), 0, 255).astype(np.uint8)[frames]
    if mirror and rng.random() < 0.5:
        frames = frames[:, :, ::-1]
    return frames
