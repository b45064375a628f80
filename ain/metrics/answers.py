"""Is an answer right? By rule, without a model."""

from ain.text.normalise import normalise


def exact(prediction: str, label: str) -> float:
    """1.0 where both are the same after normalising: no diacritics, one alif, western digits, no full stop at the end."""
    return float(normalise(prediction).rstrip(".،") == normalise(label).rstrip(".،"))
