"""ain: make an Arabic-inclusive multimodal model from English image-question data, and show whether it is one."""

__version__ = "0.2.0"


class UserError(Exception):
    """A mistake a person can mend. Its text is one sentence that says what to type or change; it is shown without a traceback."""


class Unavailable(UserError):
    """Something that is not here and cannot be had now: weights behind a network or a licence, a library, a key."""
