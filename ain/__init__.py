"""ain: make an Arabic-inclusive multimodal model from English image-question data, and show whether it is one."""

__version__ = "0.2.0"


class UserError(Exception):
    """An error that the user can fix. Its text is one sentence that says what to change; it is shown without a traceback."""


class Unavailable(UserError):
    """Something is unavailable here: weights behind a network or a licence, a library, a key."""
