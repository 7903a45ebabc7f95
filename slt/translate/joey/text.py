"""Target tokens: whitespace words, sentencepiece or characters, in JoeyNMT's own tokenizers and vocabulary."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from joeynmt.config import _check_special_symbols
from joeynmt.tokenizers import BasicTokenizer
from joeynmt.tokenizers import SentencePieceTokenizer as SentencePieceTokenizer
from joeynmt.vocabulary import Vocabulary, sort_and_cut

from skeletor.files.atomic import atomic_path
from skeletor.support.errors import InputError

VOCABULARY, PIECES = "vocabulary.txt", "sentencepiece.model"


@dataclass(frozen=True, eq=False)
class Text:
    """How sentences become tokens and back."""

    words: Vocabulary
    tokenizer: BasicTokenizer


def vocabulary(tokens: Sequence[str]) -> Vocabulary:
    """JoeyNMT's vocabulary of these tokens, its special symbols first: 0 unknown, 1 padding, 2 begin, 3 end."""
    return Vocabulary(list(tokens), SimpleNamespace(**_check_special_symbols({})))


def fit_text(
    sentences: Sequence[str], folder: Path, level: str, minimum_count: int = 1, spm_size: int = 500,
    others: Sequence[str] = (), whole: bool = False,
) -> Text:  # fmt: skip
    """Learn the tokens of training sentences and write them into `folder`.

    others: more text to learn pieces from. whole: every piece is in the vocabulary, not only those that the likeliest
    segmentations use. Raises InputError if there is no sentence, or sentencepiece finds the size impossible.
    """
    if not any(sentence.split() for sentence in sentences):
        raise InputError("the training sentences are empty; give sentences to learn from")
    folder.mkdir(parents=True, exist_ok=True)
    if level == "spm":
        _train_pieces([*sentences, *others], folder / PIECES, spm_size)
    tokenizer = _tokenizer(folder, level)
    counts = Counter(token for sentence in (*sentences, *others) for token in tokenizer(sentence, is_train=False))
    tokens = sort_and_cut(counts, min_freq=minimum_count)
    if whole and isinstance(tokenizer, SentencePieceTokenizer):
        pieces = [tokenizer.spm.id_to_piece(k) for k in range(3, tokenizer.spm.get_piece_size())]  # 0 to 2: specials
        tokens += [piece for piece in pieces if piece not in counts]
    words = vocabulary(tokens)
    with atomic_path(folder / VOCABULARY) as temporary:
        words.to_file(temporary)
    tokenizer.set_vocab(words)
    return Text(words, tokenizer)


def load_text(folder: Path, level: str) -> Text:
    """The tokens that `fit_text` wrote. Raises InputError if a file is missing or is not such a vocabulary."""
    path = folder / VOCABULARY
    try:
        tokens = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the vocabulary cannot be read ({error}); the model folder is incomplete") from error
    words = vocabulary(tokens)
    if tokens[:4] != words.specials[:4] or len(set(tokens)) != len(tokens):
        raise InputError(f"{path}: not a vocabulary of this program; the model folder is damaged")
    tokenizer = _tokenizer(folder, level)
    tokenizer.set_vocab(words)
    return Text(words, tokenizer)


def text_digest(text: Text) -> str:
    """SHA-256, as hex, of the tokens in their order."""
    return hashlib.sha256("\n".join(text.words._itos).encode()).hexdigest()


def copy_text(source: Path, target: Path) -> None:
    """Copy the vocabulary's files, those that there are, from one folder to another."""
    for name in (VOCABULARY, PIECES):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)


def _tokenizer(folder: Path, level: str) -> BasicTokenizer:
    if level != "spm":
        return BasicTokenizer(level=level)
    path = folder / PIECES
    if not path.is_file():
        raise InputError(f"{path}: the sentencepiece model is missing; the model folder is incomplete")
    try:
        return SentencePieceTokenizer(level="bpe", model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: not a sentencepiece model; the model folder is damaged") from error


def _train_pieces(sentences: Sequence[str], path: Path, size: int) -> None:
    import sentencepiece

    buffer = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences), model_writer=buffer, vocab_size=size, character_coverage=1.0,
            model_type="unigram", hard_vocab_limit=False, minloglevel=2, num_threads=1,
        )  # fmt: skip
    except RuntimeError as error:
        raise InputError(f"sentencepiece cannot learn {size} pieces from these sentences; lower spm_size") from error
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
