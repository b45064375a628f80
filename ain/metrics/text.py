"""Translations against references: scores of whole texts, in the form in which texts of their language are compared."""

from collections.abc import Sequence

from ain.text import languages


def chrf(translations: Sequence[str], references: Sequence[str], language: str) -> float:
    """chrF2 of a corpus, 0 to 100, by sacrebleu."""
    from sacrebleu.metrics.chrf import CHRF

    score = CHRF().corpus_score(
        languages.comparable(translations, language), [languages.comparable(references, language)]
    )
    return float(score.score)


def bleu(translations: Sequence[str], references: Sequence[str], language: str) -> float:
    """BLEU-4 of a corpus, 0 to 100, by sacrebleu with the tokenizer that suits the language."""
    from sacrebleu.metrics.bleu import BLEU

    measure = BLEU(tokenize=languages.language(language).bleu_tokenizer)
    score = measure.corpus_score(
        languages.comparable(translations, language), [languages.comparable(references, language)]
    )
    return float(score.score)
