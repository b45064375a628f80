"""Lay bare what a model answered: without its reasoning, markdown and LaTeX, and where it announces the answer.

Patterns are for texts as `unified` leaves them.
"""

import re

from ain.text.normalise import unified
from ain.text.refusals import refuses

_FRACTION = re.compile(r"\\[dt]?frac ?\{(\d{1,100})\}\{(\d{1,100})\}")
_BOXED = re.compile(r"\\f?box(?:ed)?(?![a-z])|</?answer>", re.I)  # what is boxed is announced as the answer
_LATEX = re.compile(r"\\[a-zA-Z]{1,20}(?=[ {])|\\[()\[\],;! ]|\$\$?(?=\\)|(?<=\})\$")
_MARKDOWN = re.compile(r"\*\*|__|`{1,3}|^[ \t]*(?:#{1,6}|[*•])(?=[ \t])|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)", re.M)
_ANNOUNCED = re.compile(
    r"\b(?:answer|solution|result)(?:\s{1,3}(?:is|was|would be|should be|must be)\b|[\"']?\s{0,3}[:=]|\s{0,3}\n)"
    r"|(?<!\w)[وف]?(?:ال)?(?:اجاب[ةه]|جواب|اجابتي|جوابي|حل|ناتج|نتيج[ةه])"
    r"(?:\s{1,3}(?:الصحيح[ةه]?|النهائي[ةه]?)){0,2}(?:\s{1,3}(?:هي|هو|تكون|يكون)\b|\s{0,3}[:=]|\s{0,3}\n)",
    re.I,
)
_UNSURE = re.compile(
    r"\b(?:i(?:[’']m| am) not (?:quite |entirely |really )?(?:sure|certain)|i (?:do not|don[’']t) know|(?:i have )?no idea"
    r"|not (?:possible|able) to (?:tell|say|determine|answer)|not (?:clear|sure|certain)\b"
    r"|(?:can(?:not|[’']t)|can not|unable to|impossible to) (?:be )?(?:tell|say|determine|determined|answer|identify"
    r"|(?:see|view|access) (?:the |any |this )?(?:images?|pictures?|photos?))\b)"
    r"|(?<!\w)(?:لا (?:اعرف|ادري|اعلم|املك|فكرة)|لست (?:متاكد|واثق|متيقن)\w{0,3}"
    r"|(?:مش|مو|غير) (?:متاكد|واثق|واضح|معروف|محدد)\w{0,3}"
    r"|(?:لا|لم|لن) (?:استطيع|اقدر|اتمكن|استطع|يمكن|يمكنني|يمكننا|نستطيع)(?: من)?"
    r" (?:(?:ال)?(?:تحديد|معرفة|جزم|حكم|اجابة|رؤية)|ان (?:احدد|اعرف|اجيب|اري))"
    r"|ما (?:اعرف|ادري)|معرفش|مش عارف\w{0,2}|يصعب (?:تحديد|معرفة)|(?:ي|من )?تعذر تحديد)(?!\w)",
    re.I,
)
# Number words as they are written in Egypt and the Levant. Translations are not read so: they must be standard Arabic.
_DIALECT = {"تلاته": "ثلاثة", "تلات": "ثلاث", "اتنين": "اثنين", "تمانيه": "ثمانية", "تمنيه": "ثمانية"}
_DIALECT |= {word[:-1] + "ة": standard for word, standard in _DIALECT.items() if word.endswith("ه")}
_DIALECT_WORD = re.compile(rf"(?<!\w)(?:{'|'.join(_DIALECT)})(?!\w)")
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+")
_SENTENCE = re.compile(r"[.!?؟](?=\s|$)|\n")


def bare(answer: str) -> str:
    """Return an answer, unified, without reasoning and markup. Reasoning that was cut off is no answer."""
    text = unified(answer)
    opened, closed = text.rfind("<think>"), text.rfind("</think>")
    text = text[closed + len("</think>") :] if closed > opened else text[:opened] if opened >= 0 else text
    text = _BOXED.sub("\nanswer: ", _FRACTION.sub(r"\1/\2", text))
    return _MARKDOWN.sub("", _LATEX.sub("", text))


def announced(text: str) -> str:
    """Return what the last announcement of a bare answer announces ("The answer is ...") to the end of the sentence;
    "" if there is none."""
    ends = [match.end() for match in _ANNOUNCED.finditer(text)]
    if not ends:
        return ""
    rest = text[ends[-1] :].lstrip()
    end = _SENTENCE.search(rest)
    return rest[: end.start()] if end else rest


def without_doubts(text: str) -> str:
    """Return a bare answer without "I don't know" and the like; "" if it is a refusal."""
    return "" if refuses(text[:1000], "") else _UNSURE.sub(" ", text)


def standard_numbers(text: str) -> str:
    """Return a bare answer with the number words of dialects in standard Arabic, and 1 000 000 as 1000000."""
    if _SPACED.fullmatch(text.strip()):
        return text.replace(" ", "")
    return _DIALECT_WORD.sub(lambda word: _DIALECT[word[0]], text)
