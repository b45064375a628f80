"""Compare the numbers of a text and of its translation."""

import re
from collections import Counter, defaultdict, deque
from dataclasses import replace
from itertools import pairwise

from ain.text.number_tokens import folded
from ain.text.quantities import Quantity, Value, quantities
from ain.text.units import mentioned, needed

# Between two numbers that stand in the same order in every language: 3 cats and 2 dogs, 2 of 5, 4 to 1, 3-2.
_ORDERED = re.compile(
    r"(?<!\w)(?:and|or|of|to|but|while|versus|vs|من|الي|مقابل|او|و[^\W\d]*)(?!\w)|^\s*(?:[,;:×/–-]|by|في|،)\s*$"
)
_SPELLED = 100  # numbers without a partner that may be spelled in parts; texts that have more differ anyway
_Alike = tuple[frozenset[Value], frozenset[str], bool]  # values, units and certainty of quantities
_READ = {"en", "ar"}  # languages whose number words are known
_SENTENCE = re.compile(r"[.!?؟]\s")
# Halves of the day. Night belongs to both: 1 a.m. and 11 p.m. are «ليلًا».
_MORNING = re.compile(r"\d\s?a\.?m\b|\bmorning|\bdawn|صباح|فجر|\d\s?ص(?!\w)", re.I)
_EVENING = re.compile(r"\d\s?p\.?m\b|\b(?:after)?noon|\bevening|مساء|عصر|ظهر|\d\s?م(?!\w)", re.I)
_CLOCK = re.compile(r"\d[\d:.]{0,20}\s?[ap]\.?m\b", re.I)


def changed_number(original: str, translation: str, source: str, target: str) -> str | None:
    """Return what says that the numbers differ, or None if they are the same. source, target: codes of languages.

    Digits may become words and words digits, in any gender and case. «كلبان» is two dogs, and one may go without a
    word. A sign, a percent sign, a unit or a currency must not change, nor the order of numbers that are joined by "and",
    "of", "to" and the like; elsewhere the order is free, as word orders differ.

    Words are read in English and Arabic. If either language is another one, only what is written in digits must be kept.
    """
    one, other = _required(original, translation, source, target)
    pairs, reason = _matched(one, other)
    if reason is not None:
        return reason
    for first, second in pairs:
        if (reason := _unit_changed(first, second, original, translation)) is not None:
            return reason
    return _other_half(original, translation) or _swapped(pairs, original, translation)


def have_numbers(original: str, translation: str, source: str, target: str) -> bool:
    """Return whether either text has a number that the other must have too."""
    return any(quantity.certain for some in _required(original, translation, source, target) for quantity in some)


def _required(original: str, translation: str, source: str, target: str) -> tuple[list[Quantity], list[Quantity]]:
    one, other = quantities(original, source), quantities(translation, target)
    return (one, other) if {source, target} <= _READ else (_digits_only(one), _digits_only(other))


def _digits_only(some: list[Quantity]) -> list[Quantity]:
    return [
        replace(one, certain=one.certain and any(map(str.isdigit, one.text)), units=one.units & {"%"}) for one in some
    ]


def _matched(one: list[Quantity], other: list[Quantity]) -> tuple[list[tuple[Quantity, Quantity]], str | None]:
    """Return pairs of quantities with a common value, and which one is left without a partner."""
    waiting, partners = dict(enumerate(one)), dict(enumerate(other))
    groups: dict[_Alike, deque[int]] = defaultdict(deque)
    by_value: dict[Value, set[_Alike]] = defaultdict(set)
    for place, quantity in partners.items():
        alike = (quantity.values, quantity.units, quantity.certain)
        groups[alike].append(place)
        for value in quantity.values:
            by_value[value].add(alike)
    pairs = []
    for certain in (True, False):  # what is certain on both sides first, then what is certain on one
        for place, quantity in sorted(waiting.items(), key=lambda item: not item[1].certain):
            fitting = {
                alike
                for value in quantity.values & by_value.keys()
                for alike in by_value[value]
                if groups[alike] and (alike[2] and quantity.certain) >= certain
            }
            if fitting:
                chosen = min(fitting, key=lambda alike: (alike[1] != quantity.units, not alike[2], groups[alike][0]))
                pairs.append((quantity, partners.pop(groups[chosen].popleft())))
                del waiting[place]
    left, right = list(waiting.values()), list(partners.values())
    for some, rest in ((left, right), (right, left)):
        for quantity in [q for q in some if q.certain][:_SPELLED]:
            if _taken(quantity, rest):
                some.remove(quantity)
    alone = next((q for q in left + right if q.certain), None)
    if alone is None:
        return pairs, None
    return pairs, f"{alone.text} is not in the translation" if alone in left else f"{alone.text} is not in the original"


def _taken(quantity: Quantity, rest: list[Quantity]) -> bool:
    """Take a quantity that is spelled in parts from the other text: 2½ as 2 and ½. A part of one may be unsaid."""
    for parts in quantity.parts:
        found = [next((o for o in rest if part in o.values), None) for part in parts]
        if all(o is not None or part == 1 for o, part in zip(found, parts, strict=True)):
            for o in found:
                if o in rest:
                    rest.remove(o)
            return True
    return False


def _unit_changed(one: Quantity, other: Quantity, original: str, translation: str) -> str | None:
    if one.units & other.units:
        return None
    if one.units and other.units:
        return f"{one.text} has another unit"
    for quantity, text in ((one, translation), (other, original)):
        if needed(quantity.units) and not quantity.units & mentioned(folded(text).lower()):
            return f"{quantity.text} has its unit in one text only"
    return None


def _other_half(original: str, translation: str) -> str | None:
    """Return a clock's time with "am" or "pm" that the translation puts into the other half of the day."""
    clock = _CLOCK.search(original)
    halves = [(bool(_MORNING.search(text)), bool(_EVENING.search(text))) for text in (original, translation)]
    if clock and {halves[0], halves[1]} == {(True, False), (False, True)}:
        return f"{clock[0]} is in the other half of the day"
    return None


def _swapped(pairs: list[tuple[Quantity, Quantity]], original: str, translation: str) -> str | None:
    counts: Counter[frozenset[Value]] = Counter(one.values for one, _ in pairs)
    ordered = sorted((pair for pair in pairs if counts[pair[0].values] == 1), key=lambda pair: pair[0].start)
    texts = folded(original), folded(translation)
    for (one, one_made), (other, other_made) in pairwise(ordered):
        if (
            one_made.start > other_made.start
            and _joined(texts[0], one, other)
            and _joined(texts[1], other_made, one_made)
        ):
            return f"{one.text} and {other.text} are swapped"
    return None


def _joined(text: str, one: Quantity, other: Quantity) -> bool:
    """Return whether two quantities stand side by side, joined by a word or sign that fixes their order."""
    between = text[one.end : other.start] + re.match(r"و?", text[other.start :])[0]  # type: ignore[index]
    return not _SENTENCE.search(between) and len(between.split()) < 9 and bool(_ORDERED.search(between))
