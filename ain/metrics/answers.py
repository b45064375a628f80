"""Score answers by rule, without a model."""

from ain.text.normalise import normalise


def exact(prediction: str, label: str) -> float:
    """Return 1.0 if both are equal after normalising (no diacritics, one alif, western digits, no final full stop), else 0.0."""
    return float(normalise(prediction).rstrip(".،") == normalise(label).rstrip(".،"))
