"""What a word is for the scores: sacreBLEU's own tokenizers by name, so that its signature tells all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from skeletor.support.errors import MissingDependency

Tokens = Literal["none", "13a", "intl", "zh", "char", "ja-mecab", "ko-mecab"]
TOKENS: tuple[Tokens, ...] = get_args(Tokens)
ABOUT = "what counts as a word in the scores, by sacreBLEU's tokenizers; none: what stands between spaces"


def tokenizer(name: Tokens) -> Callable[[str], str]:
    """From a sentence to its tokens with single spaces between; "none" leaves it as it is.

    Raises MissingDependency, one line, if the tokenizer needs what is not installed.
    """
    if name == "none":
        return lambda sentence: sentence

    from sacrebleu.metrics.bleu import BLEU

    try:
        found: Callable[[str], str] = BLEU(tokenize=name).tokenizer
    except (RuntimeError, ImportError) as error:
        extra = name.partition("-")[0]
        raise MissingDependency(
            f"the tokenizer {name} needs MeCab, which is not installed; pip install 'sacrebleu[{extra}]', or take char"
        ) from error
    return lambda sentence: " ".join(found(sentence.rstrip()).split())


def tokenized(sentences: Sequence[str], name: Tokens) -> list[str]:
    """`tokenizer` of each sentence."""
    cut = tokenizer(name)
    return [cut(sentence) for sentence in sentences]
