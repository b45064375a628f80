"""Score answers by what they share with labels: n-grams of characters, words, annotators' answers."""

from collections import Counter
from collections.abc import Sequence

from ain.metrics import text as metrics
from ain.scorer import Grade, best
from ain.scorer.numbers import read
from ain.text.normalise import normalise
from ain.text.phrases import without_article, words

_ARTICLES = {"a", "an", "the"}


def chrf(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "en") -> Grade:
    """Score chrF2 of the answer, as a share of 1."""
    return best(
        answer,
        labels,
        lambda label: metrics.chrf([answer], [label], language) / 100,
        normalise(answer) or None,
    )


def token_f1(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "en") -> Grade:
    """Score the F1 of words, as SQuAD does: without punctuation, case and articles («ال» too)."""
    given = _content(answer)

    def overlap(label: str) -> float:
        wanted = _content(label)
        common = (Counter(given) & Counter(wanted)).total()
        return 2 * common / (len(given) + len(wanted)) if common else 0.0

    return best(answer, labels, overlap, " ".join(given) or None)


def vqa(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "en") -> Grade:
    """Score min(annotators who gave the answer / 3, 1). labels: the answers of all annotators, usually ten.

    Fewer than three annotators must all agree with the answer. Two and 2 are one answer.
    """
    if not answer.strip():
        return Grade(0.0, None)
    given = _vote(answer, language)
    matches = sum(_vote(label, language) == given for label in labels)
    score = min(matches / min(3, len(labels)), 1.0) if labels else 0.0
    return Grade(score, " ".join(_content(answer)) or answer.strip())


def _content(text: str) -> list[str]:
    return [without_article(word) for word in words(text) if word not in _ARTICLES]


def _vote(answer: str, language: str) -> object:
    """Return what is compared: the number, where the answer is nothing else, or its words."""
    content = _content(answer)
    number = read(answer, language) if len(content) == 1 else None
    return number.values if number and number.certain else content or answer.strip()
