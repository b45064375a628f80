"""Compute BLEU, METEOR and ROUGE of a text against a reference, all 0 to 1 (Section 2.2, Table 9).

BLEU is sacrebleu's. METEOR is NLTK's with exact and stem matches but no synonyms, because WordNet is not included; NLTK
gives a single matching word 0.5. ROUGE is torchmetrics' with a Unicode tokenizer: the default one knows only ASCII and
gives identical Arabic texts 0. Texts are compared as `languages.comparable` returns them.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from ain.text import languages
from ain.text.normalise import normalise

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"\w+|[^\w\s]")
ROUGE = ("rouge_1", "rouge_l")
LONGEST = 1_000  # words of a text that ROUGE compares: its time is quadratic in them


def bleu(made: Sequence[str], references: Sequence[str], order: int, language: str) -> float:
    """Return corpus BLEU with n-grams up to `order`."""
    from sacrebleu.metrics.bleu import BLEU

    measure = BLEU(max_ngram_order=order, tokenize=languages.language(language).bleu_tokenizer)
    score = measure.corpus_score(
        languages.comparable(made, language), [languages.comparable(references, language)]
    ).score
    return min(1.0, float(score) / 100)


def sentence_bleu(made: str, reference: str, order: int, language: str) -> float:
    """Return BLEU of one text. N-grams longer than the text are left out of the mean."""
    one, other = languages.comparable([made, reference], language)
    measure = _sentence_bleu(order, languages.language(language).bleu_tokenizer)
    return min(1.0, float(measure.sentence_score(one, [other]).score) / 100)


@cache
def _sentence_bleu(order: int, tokenizer: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(max_ngram_order=order, tokenize=tokenizer, effective_order=True)


def meteor(made: str, reference: str, language: str) -> float:
    from nltk.translate.meteor_score import single_meteor_score

    one, other = (_TOKEN.findall(text) for text in languages.comparable([made, reference], language))
    return float(single_meteor_score(other, one, wordnet=_NoSynonyms())) if one and other else 0.0


class _NoSynonyms:
    def synsets(self, word: str) -> list[Any]:
        return []


def rouge(made: str, reference: str) -> dict[str, tuple[float, float, float]]:
    """Return rouge_1 and rouge_l → (precision, recall, F1)."""
    from torchmetrics.functional.text import rouge_score

    found = rouge_score(
        made,
        reference,
        rouge_keys=("rouge1", "rougeL"),
        normalizer=normalise,
        tokenizer=lambda text: _WORD.findall(text)[:LONGEST],
    )
    return {
        name: tuple(float(found[f"{key}_{part}"]) for part in ("precision", "recall", "fmeasure"))  # type: ignore[misc]
        for name, key in zip(ROUGE, ("rouge1", "rougeL"), strict=True)
    }
