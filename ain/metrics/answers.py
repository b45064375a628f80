"""Score answers by rule, without a model."""

from ain.text.normalise import normalise


def exact(prediction: str, label: str) -> float:
    """Return 1.0 if both are equal once normalised (no diacritics, one alif, western digits and punctuation, no final
    full stop or comma)."""
    one, other = (normalise(text, western_punctuation=True).rstrip(".,") for text in (prediction, label))
    return float(one == other)
