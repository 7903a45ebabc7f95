"""Batches and data sets for JoeyNMT whose source is a sequence of feature vectors, or of glosses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from joeynmt.batch import Batch
from joeynmt.datasets import BaseDataset, RandomSubsetSampler, SentenceBatchSampler
from joeynmt.tokenizers import BasicTokenizer
from joeynmt.vocabulary import Vocabulary
from torch import Tensor
from torch.utils.data import DataLoader

from skeletor.poses.pose import PoseSequence
from slt.translate.joey.model import token_count
from slt.translate.joey.together import shared_out

CPU = torch.device("cpu")
SOURCE, TARGET = "src", "trg"
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
_POOL = 100  # batches that are sorted by length together


@dataclass(frozen=True, eq=False)
class Example:
    """One training or test sentence. pose: a 3D pose in shoulder widths, or its raw features (T', F)."""

    name: str
    pose: PoseSequence | np.ndarray
    text: str
    glosses: tuple[str, ...] = ()


class SequenceBatch(Batch):
    """A JoeyNMT batch whose source mask comes from the lengths, because frames have no padding symbol.

    src: (B, T, F) frames or (B, T) ids. src_length: (B,) source tokens after the embedding's subsampling.
    trg_input: (B, L - 1) what the decoder is shown, if it is not trg (B, L) without the end symbol.
    """

    def __init__(
        self, src: Tensor, src_length: Tensor, trg: Tensor | None, indices: Tensor, device: torch.device,
        pad_index: int, eos_index: int, is_train: bool, trg_input: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            src=src, src_length=src_length, src_prompt_mask=None, trg=trg, trg_prompt_mask=None, indices=indices,
            device=CPU, pad_index=pad_index, eos_index=eos_index, is_train=is_train,
        )  # fmt: skip
        positions = torch.arange(int(src_length.max()))
        self.src_mask = (positions[None] < src_length[:, None]).unsqueeze(1)  # (B, 1, T')
        if trg_input is not None:
            self.trg_input = trg_input
        if device.type != "cpu":
            self._make_cuda(device)

    def sort_by_src_length(self) -> list[int]:
        """The order (B,) as it is.

        Only recurrent encoders need sorting, and R-Drop's halves have to stay in the same order.
        """
        return list(range(self.nseqs))


class SequenceDataset(BaseDataset):
    """Sources (arrays (T, F) float32, or (T,) int64 ids) and target sentences, kept in memory.

    augment, if given, is called with an array and a generator for every training item; so is change_target with a
    target's ids (T,), and then hide_target, whose result only the decoder's input shows. twice: a training batch
    holds every item two times, one half behind the other (R-Drop). Batches hold clips
    of like length (JoeyNMT has no bucketing), in an order that depends on the epoch's seed alone.
    """

    def __init__(
        self, sources: Sequence[np.ndarray], names: Sequence[str], texts: Sequence[str] | None, words: Vocabulary,
        tokenizer: BasicTokenizer, split: str, subsample: int = 1,
        augment: Change | None = None, change_target: Change | None = None, hide_target: Change | None = None,
        twice: bool = False,
    ) -> None:  # fmt: skip
        has_target = texts is not None
        super().__init__(
            path="", src_lang=SOURCE, trg_lang=TARGET, split=split, has_trg=has_target,
            has_prompt={SOURCE: False, TARGET: False},
            tokenizer={SOURCE: _Names(), TARGET: tokenizer},
            sequence_encoder={SOURCE: _unused, TARGET: partial(words.sentences_to_ids, bos=True, eos=True)},
        )  # fmt: skip
        self.sources, self.names, self.texts = sources, list(names), list(texts or [])
        self.tokens = [tokenizer(text, is_train=False) for text in self.texts]
        self.ids = [np.array([*map(words.lookup, line)], np.int64) for line in self.tokens]
        self.subsample, self.augment = subsample, augment
        self.change_target, self.hide_target, self.twice = change_target, hide_target, twice
        self.bos_index = words.bos_index
        self.skip = 0  # batches of the first epoch that a resumed training has had
        self.share = (0, 1)  # of every training batch: which of how many
        self.reset_indices()

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, idx: int | str) -> tuple[int, Any, Any]:
        index = int(idx)
        source, target, shown = self.sources[index], None, None
        if self.has_trg:
            target = shown = self.ids[index]
        if self.split == "train":
            rng = np.random.default_rng([self.seed, index])
            if self.augment is not None:
                source = self.augment(source, rng)
            if target is not None and self.change_target is not None:
                target = shown = self.change_target(target, rng)
            if target is not None and self.hide_target is not None:
                shown = self.hide_target(target, rng)
        return index, source, (target, shown)

    def lookup_item(self, idx: int, lang: str) -> tuple[str, str]:
        """Name or sentence; the second value, a prompt, is always empty."""
        return (self.names if lang == SOURCE else self.texts)[idx], ""

    def get_list(self, lang: str, tokenized: bool = False, subsampled: bool = True) -> list[Any]:
        """Names (of language "src"), or sentences or their tokens (of "trg"), of all items or of the subset in use."""
        column: list[Any] = self.names if lang == SOURCE else self.tokens if tokenized else self.texts
        return [column[k] for k in self.indices] if subsampled else list(column)

    def collate_fn(
        self, batch: list[tuple[int, Any, Any]], pad_index: int, eos_index: int, device: torch.device = CPU
    ) -> SequenceBatch:
        """Items to a batch: src (B, T, F) with 0 behind a clip's end, or ids (B, T) with padding; trg (B, L)."""
        if self.twice and self.split == "train":
            batch = [*batch, *batch]
        indices, sources, targets = zip(*batch, strict=True)
        trg = shown = None
        if self.has_trg:
            begin, end = [self.bos_index], [eos_index]
            trg = pad([np.concatenate([begin, ids, end]) for ids, _ in targets], pad_index)  # (B, L)
            shown = pad([np.concatenate([begin, ids]) for _, ids in targets], pad_index)  # (B, L - 1)
        lengths = [token_count(len(s), self.subsample) for s in sources]
        return SequenceBatch(
            pad(sources, pad_index), torch.tensor(lengths), trg, torch.tensor(indices), device, pad_index, eos_index,
            self.split == "train", shown,
        )  # fmt: skip

    def make_iter(
        self, batch_size: int, batch_type: str = "sentence", seed: int = 42, shuffle: bool = False,
        num_workers: int = 0, pad_index: int = 1, eos_index: int = 3, device: torch.device = CPU,
        generator_state: Tensor | None = None,
    ) -> DataLoader[Any]:  # fmt: skip
        """Batches like JoeyNMT's, each of clips of like length; the order in training depends on `seed` alone."""
        generator = torch.Generator()
        generator.manual_seed(seed)
        if generator_state is not None:
            generator.set_state(generator_state)
        sampler = RandomSubsetSampler(self, shuffle=shuffle and self.split == "train", generator=generator)
        batches = _BucketSampler(sampler, batch_size=batch_size, drop_last=False, seed=seed)
        batches.set_seed(seed)
        batches.skip, self.skip = self.skip, 0
        batches.share = self.share
        collate = partial(self.collate_fn, pad_index=pad_index, eos_index=eos_index, device=device)
        own = torch.Generator()  # else every epoch would draw from the generator of the dropout
        return DataLoader(self, batch_sampler=batches, collate_fn=collate, num_workers=num_workers, generator=own)


class _BucketSampler(SentenceBatchSampler):
    """Shuffled training batches in which neither sources nor targets need much padding.

    Pools of 100 shuffled batches are ordered (`_by_lengths`) and cut; the batches come in random order. It asks the
    data set for lengths only, where JoeyNMT's sampler reads every item. skip: batches that are left out at the start
    of the first pass. share: (rank, processes), of every batch. counts: whether the share of the batch that came last
    does, see `shared_out`.
    """

    skip = 0
    share = (0, 1)
    counts = True

    def __iter__(self) -> Iterator[list[int]]:
        data: SequenceDataset = self.sampler.data_source
        order = list(self.sampler)
        if not self.sampler.shuffle:
            yield from _cut(order, self.batch_size)
            return
        batches = []
        for pool in _cut(order, self.batch_size * _POOL):
            sources = np.array([len(data.sources[k]) for k in pool])
            targets = np.array([len(data.ids[k]) if data.has_trg else 0 for k in pool])
            turn = _by_lengths(sources, targets, self.batch_size)
            batches += _cut([pool[k] for k in turn], self.batch_size)
        turn = torch.randperm(len(batches), generator=self.sampler.generator).tolist()
        skip, self.skip = self.skip, 0
        for index in turn[skip:]:
            mine, self.counts = shared_out(batches[index], self.share)
            yield mine


def _by_lengths(sources: np.ndarray, targets: np.ndarray, batch: int) -> list[int]:
    """(N,) lengths to an order in which neighbours are alike in both.

    With P batches, targets are put into about sqrt(P) groups by length; within a group sources are sorted, upwards and
    downwards in turn, so that a batch over the border of two groups has like sources.
    """
    group = batch * math.ceil(math.sqrt(len(sources) / batch))
    bins = np.searchsorted(np.sort(targets), targets) // group  # (N,); equal targets are in one group
    order: list[int] = np.lexsort((np.where(bins % 2, -sources, sources), bins)).tolist()
    return order


def _cut(items: list[int], size: int) -> list[list[int]]:
    return [items[k : k + size] for k in range(0, len(items), size)]


class _Names(BasicTokenizer):
    """JoeyNMT wants a tokenizer of the source to print examples: names stay as they are."""

    def post_process(self, sequence: Any, generate_unk: bool = True, cut_at_sep: bool = True) -> str:
        return str(sequence)


def _unused(*_: Any) -> None:
    raise AssertionError("sources are collated, not encoded")


def pad(sources: Sequence[np.ndarray], pad_index: int) -> Tensor:
    """(T_i, F) float arrays to (B, T, F) with zeros behind, or (T_i,) ids to (B, T) with pad_index behind."""
    longest = max(len(s) for s in sources)
    first = sources[0]
    fill = 0.0 if first.ndim == 2 else pad_index
    padded = np.full((len(sources), longest, *first.shape[1:]), fill, first.dtype)
    for row, source in zip(padded, sources, strict=True):
        row[: len(source)] = source
    return torch.from_numpy(padded)
