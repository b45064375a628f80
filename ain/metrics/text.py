"""Score translations against references with chrF and BLEU, on texts as `languages.comparable` returns them."""

from collections.abc import Sequence

from ain.text import languages


def chrf(translations: Sequence[str], references: Sequence[str], language: str) -> float:
    """Return chrF2 of a corpus, 0 to 100, by sacrebleu."""
    from sacrebleu.metrics.chrf import CHRF

    score = CHRF().corpus_score(
        languages.comparable(translations, language), [languages.comparable(references, language)]
    )
    return float(score.score)


def bleu(translations: Sequence[str], references: Sequence[str], language: str) -> float:
    """Return BLEU-4 of a corpus, 0 to 100, by sacrebleu with the language's tokenizer."""
    from sacrebleu.metrics.bleu import BLEU

    measure = BLEU(tokenize=languages.language(language).bleu_tokenizer)
    score = measure.corpus_score(
        languages.comparable(translations, language), [languages.comparable(references, language)]
    )
    return float(score.score)
