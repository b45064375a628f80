"""Tell a model's refusal from a translation. An apology alone is none: a card may say "Sorry we missed you"."""

import re

from ain.text.normalise import normalise

# All patterns are for normalised text: lower case, without diacritics, one form of alif.
_SORRY = (
    r"(?:(?:i[’']?m|i am|we[’']?re|we are) (?:\w+ )?(?:sorry|afraid)|sorry|(?:my )?apologies|i apologi[sz]e|unfortunately"
    r"|(?:انا )?(?:جدا )?(?:عذرا|اعتذر|نعتذر|اسف|اسفة|ناسف|المعذرة|معذرة|متاسف|للاسف|يؤسفني))\b"
)
_UNABLE = (
    r"(?:(?:i|we) (?:can[’']?t|cannot|can not|won[’']?t|(?:am|are)(?: not|n[’']t)? (?:un)?able)"
    r"|(?:i[’']?m|we[’']?re) (?:unable|not able)"
    r"|(?:لا|لن|لم) (?:استطيع|يمكنني|اتمكن|نستطيع|يمكننا|نتمكن|اقدر|يسعني)|غير قاد(?:ر|رين)|(?:ي)?تعذر علي)"
)
_TASK = (
    r" (?:to )?(?:help|assist|translate|comply|provide|process|fulfil|answer|continue|do (?:that|this)|view images|identify"
    r"|(?:من |علي )?(?:ترجمة|المساعدة|مساعدتك|تقديم|تلبية|تنفيذ|الاجابة|معالجة|المتابعة|القيام بذلك|التعرف علي))\b"
)
_RULES = r"(?:polic(?:y|ies)|guidelines|not allowed to|سياس\w*|يخالف|ارشادات|غير مسموح)"
_MODEL = r"as an? (?:ai|artificial|large language|language model)\b|(?:بصفتي|بوصفي|باعتباري|ك)\s?(?:نموذج|ذكاء|مساعد)"
_REFUSAL = re.compile(
    rf"^\W*(?:{_SORRY}[^.\n؟?]{{0,60}}?(?:{_UNABLE}|{_RULES})|{_UNABLE}{_TASK}|{_MODEL})",
)
_ALIKE = re.compile(rf"{_SORRY}|{_UNABLE}")


def refuses(text: str, original: str) -> bool:
    """Return whether a model declined instead of translating. An original that apologises or speaks of something that
    cannot be done is translated so."""
    return bool(_REFUSAL.match(normalise(text))) and not _ALIKE.search(normalise(original))
