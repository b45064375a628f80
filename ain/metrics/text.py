"""Translations against references: scores of whole texts in Arabic, all after the named normaliser."""

from collections.abc import Sequence

from ain.text.arabic import normalise


def chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    """chrF2 of a corpus, 0 to 100, by sacrebleu."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().corpus_score(_all(translations), [_all(references)]).score)


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """BLEU-4 of a corpus, 0 to 100, by sacrebleu with its international (Unicode) tokenizer."""
    from sacrebleu.metrics.bleu import BLEU

    return float(BLEU(tokenize="intl").corpus_score(_all(translations), [_all(references)]).score)


def _all(texts: Sequence[str]) -> list[str]:
    return [normalise(text) for text in texts]
