"""Durations as people read them."""


def exact(seconds: float) -> str:
    """Return `12 s`, `3 min 05 s` or `2 h 07 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def rough(seconds: float) -> str:
    """Return an estimate with two or three digits: `90 s`, `15 min`, `2.4 h` or `3.1 days`."""
    for unit, size, limit in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if round(seconds / size) < limit:
            return f"{seconds / size:.1f} {unit}" if unit == "h" else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:,.1f} days"
