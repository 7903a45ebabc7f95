"""Scores of translations: BLEU-1..4, ROUGE-L, chrF, WER, with bootstrap intervals."""
