"""Score answers by rule, without a model."""

from ain.text.normalise import normalise


def exact(prediction: str, label: str) -> float:
    """Return 1.0 if both are equal once normalised (no diacritics, one alif, western digits, no final full stop)."""
    return float(normalise(prediction).rstrip(".،") == normalise(label).rstrip(".،"))
