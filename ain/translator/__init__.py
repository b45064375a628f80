"""Translators, English to Arabic. Each is a class with

    over(records, out, engine) -> (look_up, account)

which makes whatever is missing for the records of a collect directory, keeps it in `out` or in the ledger, and returns a
function from a record to its Arabic, and one that sums up what it took once all were looked up. A translator that only
maps texts to texts inherits `over` from `ain.translator.by_text.ByText`.
"""

Exchanges = list[dict[str, str]]
Arabic = tuple[Exchanges, list[str]]  # the exchanges, and every reason why they cannot be used
