"""Write the numbers that tell jobs apart in one line."""

from typing import Any


def line(headline: dict[str, Any]) -> str:
    return "  ".join(f"{name} {number(value)}" for name, value in headline.items())


def number(value: Any) -> str:
    """Return 1,234 for counts, 83.2 and 0.00512 for measures."""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
