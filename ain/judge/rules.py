"""No judge: rules alone decide. People's verdicts may still be compared with them."""

from ain.judge import Judge


class Rules(Judge):
    """labels: people's verdicts on answers."""
