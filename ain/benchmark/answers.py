"""What `predict` leaves for `grade`: questions with the answers of a model."""

import pyarrow as pa

TEXTS = pa.list_(pa.string())
ANSWERED = pa.schema(
    [
        ("id", pa.string()),
        ("domain", pa.string()),
        ("language", pa.string()),
        ("kind", pa.string()),
        ("group", pa.string()),  # of questions that a metric takes together
        ("images", pa.string()),  # the condition: shown, shuffled, blank
        ("media", TEXTS),  # sha256 of each of its own images
        ("shown", TEXTS),  # sha256 of each image that was shown, under other conditions another one
        ("pixels", pa.int64()),  # of the shown images together
        ("question", pa.string()),
        ("options", TEXTS),
        ("labels", TEXTS),
        ("prediction", pa.string()),
        ("finish", pa.string()),  # stop, length; without an answer, why: ain/metrics/outcomes.py
        ("prompt_tokens", pa.int32()),
        ("answer_tokens", pa.int32()),
        ("seconds", pa.float32()),
        ("measured", pa.string()),  # JSON: scores that a harness gave, which grade takes as they are
    ]
)
