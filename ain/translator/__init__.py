"""Translators, English to Arabic. Each is a class with `translate(texts) -> texts`."""
