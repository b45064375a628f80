"""List the languages that records can be in, one line each. The code of any other language is refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from ain import UserError
from ain.text.normalise import normalise

ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
SCRIPTS = {
    "Arabic": ARABIC,
    "Latin": re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]"),
    "Cyrillic": re.compile("[\u0400-\u052f]"),
    "Greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "Hebrew": re.compile("[\u0590-\u05ff]"),
    "Devanagari": re.compile("[\u0900-\u097f]"),
    "Han": re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"),
    "Japanese": re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"),
    "Hangul": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
}
# The letters of eight options, as exams in that script label them.
OPTIONS = {
    "Arabic": "أبجدهوزح",
    "Latin": "ABCDEFGH",
    "Cyrillic": "АБВГДЕЖЗ",
    "Greek": "ΑΒΓΔΕΖΗΘ",
    "Hebrew": "אבגדהוזח",
}
Options = Literal[
    "auto", "arabic", "latin", "cyrillic", "greek", "hebrew"
]  # auto: the letters of the language's script
_RIGHT_TO_LEFT = ("Arabic", "Hebrew")
_TOKENIZERS = {"Arabic": "intl", "Han": "zh", "Japanese": "char", "Hangul": "char", "Devanagari": "intl"}


@dataclass(frozen=True)
class Language:
    code: str  # ISO 639-1
    name: str  # in English
    own_name: str
    script: str  # a key of SCRIPTS
    nllb: str  # NLLB's code
    identified_as: tuple[str, ...]  # codes of language identification, varieties included

    @property
    def right_to_left(self) -> bool:
        return self.script in _RIGHT_TO_LEFT

    @property
    def direction(self) -> str:
        """Return the value for HTML's `dir`."""
        return "rtl" if self.right_to_left else "ltr"

    @property
    def bleu_tokenizer(self) -> str:
        """Return sacrebleu's name of the tokenizer."""
        return _TOKENIZERS.get(self.script, "13a")


def _language(code: str, name: str, own_name: str, script: str, nllb: str, *varieties: str) -> Language:
    return Language(code, name, own_name, script, nllb, (code, *varieties))


LANGUAGES = {
    language.code: language
    for language in (
        # Moroccan and Egyptian Arabic have their own codes, and short texts are assigned to them by chance.
        _language("ar", "Arabic", "العربية", "Arabic", "arb_Arab", "ary", "arz"),
        _language("cs", "Czech", "čeština", "Latin", "ces_Latn"),
        _language("da", "Danish", "dansk", "Latin", "dan_Latn"),
        _language("de", "German", "Deutsch", "Latin", "deu_Latn"),
        _language("el", "Greek", "ελληνικά", "Greek", "ell_Grek"),
        _language("en", "English", "English", "Latin", "eng_Latn"),
        _language("es", "Spanish", "español", "Latin", "spa_Latn"),
        _language("fa", "Persian", "فارسی", "Arabic", "pes_Arab"),
        _language("fi", "Finnish", "suomi", "Latin", "fin_Latn"),
        _language("fr", "French", "français", "Latin", "fra_Latn"),
        _language("he", "Hebrew", "עברית", "Hebrew", "heb_Hebr"),
        _language("hi", "Hindi", "हिन्दी", "Devanagari", "hin_Deva"),
        _language("hu", "Hungarian", "magyar", "Latin", "hun_Latn"),
        _language("id", "Indonesian", "Bahasa Indonesia", "Latin", "ind_Latn"),
        _language("is", "Icelandic", "íslenska", "Latin", "isl_Latn"),
        _language("it", "Italian", "italiano", "Latin", "ita_Latn"),
        _language("ja", "Japanese", "日本語", "Japanese", "jpn_Jpan"),
        _language("ko", "Korean", "한국어", "Hangul", "kor_Hang"),
        _language("nb", "Norwegian Bokmål", "bokmål", "Latin", "nob_Latn", "no"),
        _language("nl", "Dutch", "Nederlands", "Latin", "nld_Latn"),
        _language("nn", "Norwegian Nynorsk", "nynorsk", "Latin", "nno_Latn", "no"),
        _language("pl", "Polish", "polski", "Latin", "pol_Latn"),
        _language("pt", "Portuguese", "português", "Latin", "por_Latn"),
        _language("ro", "Romanian", "română", "Latin", "ron_Latn"),
        _language("ru", "Russian", "русский", "Cyrillic", "rus_Cyrl"),
        _language("sv", "Swedish", "svenska", "Latin", "swe_Latn"),
        _language("tr", "Turkish", "Türkçe", "Latin", "tur_Latn"),
        _language("uk", "Ukrainian", "українська", "Cyrillic", "ukr_Cyrl"),
        _language("ur", "Urdu", "اردو", "Arabic", "urd_Arab"),
        _language("vi", "Vietnamese", "Tiếng Việt", "Latin", "vie_Latn"),
        _language("zh", "Chinese", "中文", "Han", "zho_Hans"),
    )
}


_CHOICES = f"choose one of {', '.join(LANGUAGES)}"


def _known(code: str) -> str:
    if code not in LANGUAGES:
        raise PydanticCustomError("language", f"{_CHOICES}")
    return code


def _known_or_auto(code: str) -> str:
    if code not in LANGUAGES and code != "auto":
        raise PydanticCustomError("language", f"{_CHOICES}, auto")
    return code


# Types for class arguments.
LanguageCode = Annotated[str, AfterValidator(_known)]
LanguageChoice = Annotated[str, AfterValidator(_known_or_auto)]


def language(code: str) -> Language:
    if code not in LANGUAGES:
        raise UserError(f"no language has the code {code}: choose one of {', '.join(LANGUAGES)}")
    return LANGUAGES[code]


def name(code: str) -> str:
    """Return the language's English name, or the code itself if it is not known."""
    return LANGUAGES[code].name if code in LANGUAGES else code


def option_script(options: Options, code: str) -> str:
    """Return the key of OPTIONS with the letters that options get in a language. Scripts without their own use Latin."""
    script = language(code).script if options == "auto" else options.capitalize()
    return script if script in OPTIONS else "Latin"


def script_ratio(text: str, code: str) -> float | None:
    """Return the share of letters in the language's script; None if there are no letters."""
    script = SCRIPTS[language(code).script]
    letters = sum(map(str.isalpha, text))
    return sum(map(str.isalpha, script.findall(text))) / letters if letters else None


def guessed(text: str) -> str:
    """Guess the language from the script alone: `ar` if at least half of the letters are Arabic, else `en`."""
    ratio = script_ratio(text, "ar")
    return "ar" if ratio is not None and ratio >= 0.5 else "en"


def right_to_left(text: str) -> bool:
    """Return whether most letters are in a right-to-left script."""
    return any((script_ratio(text, code) or 0) > 0.5 for code in ("ar", "he"))


def comparable(texts: Sequence[str], code: str) -> list[str]:
    """Return texts as overlap metrics compare them: in Arabic script, without diacritics and spelling variants."""
    return [normalise(text) for text in texts] if language(code).script == "Arabic" else list(texts)
