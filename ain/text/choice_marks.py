"""Find where an answer names options by letter, number or place, and whether it chooses or denies them there."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ain.text import choice_words as known
from ain.text.choice_words import among, looked_up
from ain.text.phrases import words

_TOKEN = re.compile(r"\d+(?:st|nd|rd|th)\b|\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|\n|[^\w\s]")
_OPEN, _CLOSE = set("([{«“\"'‘<"), set(")]}»”\"'’>")
_SKIPPED = _OPEN | set(":=-–*\n>}])$")
_ENDS = set(".!?؟;؛,،\n")
_TITLES = ("ا", "د")  # «أ.» and «د.» stand before names
_WORDS = ("I", "a", "A", "و")  # letters that are words too
_BACK, _NEAR, _FAR = 10, 4, 14  # tokens that are looked at


@dataclass(frozen=True)
class Mark:
    """Options that are named together. firm: 0 in a sentence, 1 as a label, 2 alone, 3 announced or called right."""

    options: frozenset[int]
    firm: int
    denied: bool
    line: int


@dataclass(frozen=True)
class _Name:
    option: int
    start: int  # tokens
    end: int
    cued: bool
    denied: bool
    firm: int
    label: bool
    also: frozenset[int]  # an option whose text stands beside another one's letter


def marks(text: str, options: Sequence[str]) -> list[Mark]:
    """Return what a bare answer names, in order. options: their texts, folded; empty if they are not known."""
    return list(_Finder(text, options).marks())


def folded(text: str) -> str:
    """Return a text's words as options are compared: ه and ة are one letter, as in hasty spelling."""
    return " ".join(words(text)).replace("ة", "ه")


class _Finder:
    def __init__(self, text: str, options: Sequence[str]) -> None:
        found = list(_TOKEN.finditer(text))
        self.text, self.options, self.count = text, options, len(options) or 10
        self.numeric = any(map(str.isdigit, "".join(options)))
        self.raw = [match[0] for match in found]
        self.tokens = [looked_up(token) for token in self.raw]
        self.ends = [match.end() for match in found]
        self.line: list[int] = []  # of each token
        self.first: list[int] = [-1]  # token with letters or digits, of each line
        self.content: list[int] = [0]  # tokens that are more than fillers, of each line
        for at, token in enumerate(self.tokens):
            self.line.append(len(self.first) - 1)
            if token == "\n":
                self.first.append(-1)
                self.content.append(0)
            elif token[0].isalnum():
                if self.first[-1] < 0:
                    self.first[-1] = at
                plain = among(token, known.FILLERS | known.NOUNS | known.CONCLUDE) or among(token, known.ANNOUNCE)
                self.content[-1] += not plain or token == "i"

    def marks(self) -> Iterator[Mark]:
        group: list[_Name] = []
        for name in self._names():
            if group and not self._joined(group[-1].end, name.start):
                yield self._mark(group)
                group = []
            group.append(name)
        if group:
            yield self._mark(group)

    def _mark(self, group: list[_Name]) -> Mark:
        first, last = group[0], group[-1]
        verdict = self._verdict(last)
        denied = first.denied or verdict is False
        firm = 3 if first.cued or verdict else first.firm if len(group) == 1 else 0
        named = frozenset(name.option for name in group).union(*(name.also for name in group))
        return Mark(named, firm, denied, self.line[first.start])

    def _joined(self, end: int, start: int) -> bool:
        """Return whether two names are joined: A and B; أ والخيار ب."""
        between = self.tokens[end:start]
        if len(between) > _NEAR or "\n" in between:
            return False
        links = [token for token in between if token not in _OPEN | _CLOSE]
        if not links and self.raw[start][0] == "و" and len(self.raw[start]) == 2:
            return True
        joins = any(token in known.JOIN or (token[0] == "و" and token[1:] in known.NOUNS) for token in links)
        return joins and all(token in known.JOIN or among(token, known.NOUNS) or token == "the" for token in links)

    def _names(self) -> Iterator[_Name]:
        end = -1
        for at in range(len(self.tokens)):
            name = self._name(at, follows=end == at)
            if name is not None:
                yield name
                end = name.end

    def _name(self, at: int, follows: bool) -> _Name | None:
        token, raw = self.tokens[at], self.raw[at]
        option = self._option(at, follows)
        if option is None or not 0 <= option < self.count:
            return None
        cued, denied, introduced = self._before(at)
        alone = self.content[self.line[at]] == 1 and (raw not in _WORDS or not self._at(at + 1)[:1].isalnum())
        label = not alone and self._is_label(at)
        set_off = alone or label or (self._at(at - 1) in _OPEN and self._at(at + 1) in _CLOSE)
        also = self._other(at, option) if label or cued else frozenset[int]()
        worded = token in known.ORDINALS or token in known.CARDINALS
        if not (worded or follows or set_off or self._allowed(at, raw, cued, introduced)):
            return None
        if not also and (self._abbreviates(at, option, cued) or self._hyphenated(at, option)):
            return None
        if label and raw.isdecimal() and not also and not self._is_own(at, option):
            return None  # steps are numbered too
        return _Name(option, at, at + 1, cued, denied, 2 if alone else int(label), label, also)

    def _option(self, at: int, follows: bool) -> int | None:
        token, raw = self.tokens[at], self.raw[at]
        if raw in known.LETTERS:
            return known.LETTERS[raw]
        if len(raw) == 1 and raw.upper() in known.LETTERS:
            return known.LETTERS[raw.upper()]
        if follows and len(raw) == 2 and raw[0] == "و":
            return known.LETTERS.get(raw[1])
        before, after = self._at(at - 1), self._at(at + 1)
        if among(before, known.NOUNS) and token in known.CARDINALS:
            return known.CARDINALS[token]
        if token in known.ORDINALS:
            named = among(before, known.NOUNS | known.ANSWERS) or after in known.NOUNS | known.ANSWERS | {"one"}
            named = named or (before == "the" and after in ("is", "are", "", "."))
            place = known.ORDINALS[token] % self.count if self.options else known.ORDINALS[token]
            return place if named or self.content[self.line[at]] == 1 else None
        if raw.isdecimal() and len(raw) < 3:
            named = among(before, known.NOUNS)
            own = int(raw) - 1 if named or not self.numeric or self._is_own(at, int(raw) - 1) else None
            return own
        return None

    def _allowed(self, at: int, raw: str, cued: bool, introduced: bool) -> bool:
        """Return whether a letter or digit that is not set off names an option: not "a dog", "2 cats", "Vitamin C"."""
        after = self._at(at + 1)
        ends = after == "" or not after[0].isalnum()
        named = among(self._at(at - 1), known.NOUNS)
        if raw.isdecimal() or raw.islower() or raw in ("I", "و"):
            return (cued or named or (introduced and raw.islower() and raw != "و")) and (ends or named)
        if not ends and (raw == "A" or not (cued or named)):
            listed = after[0] == "و" and len(after) == 2 and after[1] in known.LETTERS
            return introduced and (listed or among(after, known.FOLLOWING))
        return introduced

    def _before(self, at: int) -> tuple[bool, bool, bool]:
        """Return whether what stands before announces a choice, denies it, and may introduce a letter at all."""
        previous = self._at(at - 1)
        introduced = not previous or not previous[0].isalnum() or previous in known.JOIN
        for back in range(at - 1, max(-1, at - 1 - _BACK), -1):
            token = self.tokens[back]
            if among(token, known.NEGATE) or among(token, known.EXCLUDE):
                return False, True, True
            announced = among(token, known.ANNOUNCE) or self._calls_right(back)
            if announced or (among(token, known.CONCLUDE) and back >= at - 2):
                denied = any(among(self._at(back - i), known.NEGATE | known.EXCLUDE) for i in (1, 2))
                return not denied, denied, True
            if token == "\n" and self._at(back - 1) not in (":", "\n") and not among(self._at(back - 1), known.ANSWERS):
                break
            concluded = token in (",", "،") and among(self._at(back - 1), known.CONCLUDE)
            if not (concluded or token in _SKIPPED or among(token, known.FILLERS) or among(token, known.NOUNS)):
                break
            introduced = True
        return False, False, introduced

    def _verdict(self, name: _Name) -> bool | None:
        """Return whether what follows a name calls it right or wrong; None if it does neither."""
        if name.label and not self.options:
            return None  # "B. False" may be the option's text
        at = name.end
        while self._at(at) in _CLOSE | {".", ":", "-", "–"} and at < name.end + 3:
            at += 1
        if name.label and self._is_own(name.start, name.option):
            at += len(self.options[name.option].split())
        negated = -_NEAR
        for ahead in range(at, min(len(self.tokens), at + (_NEAR if name.cued else _FAR))):
            token = self.tokens[ahead]
            if token in _ENDS or (token not in known.ORDINALS and self._option(ahead, False) is not None):
                break
            if among(token, known.NEGATE):
                negated = ahead
            if self._calls_right(ahead) or among(token, known.WRONG):
                return among(token, known.WRONG) == (ahead - negated < _NEAR)
        return False if negated in (at, at + 1) and not name.cued else None

    def _calls_right(self, at: int) -> bool:
        """Return whether a word says that something is right, and not on the right."""
        answers = known.ANSWERS | known.NOUNS | {"one"}
        if self.tokens[at] == "right" and self._at(at - 1) not in ("is", "are", "be", "was"):
            return self._at(at + 1) in answers | {":"}
        return among(self.tokens[at], known.RIGHT)

    def _is_label(self, at: int) -> bool:
        """Return whether a token begins a line as the label of what follows: "B) ", "B.", "B:", "B - "."""
        after = self._at(at + 1)
        if self.first[self.line[at]] != at or after not in {")", "]", ".", ":", "-", "–"}:
            return False
        end = self.ends[at + 1] if after in ("-", "–") else 0
        return end == 0 or self.text[end : end + 1].isspace()

    def _rest(self, at: int) -> list[str]:
        """Return the words behind a token, to the end of its line or sentence, up to as many as matter."""
        longest = max((len(option.split()) for option in self.options), default=0)
        found: list[str] = []
        for ahead in range(at + 1, len(self.tokens)):
            token = self.tokens[ahead]
            if token == "\n" or (token in _ENDS and found) or len(found) > longest + _NEAR:
                break
            if token[0].isalnum():
                found += folded(token).split()
        return found

    def _is_own(self, at: int, option: int) -> bool:
        """Return whether an option's text follows its letter."""
        if not 0 <= option < len(self.options):
            return False
        own = self.options[option].split()
        return bool(own) and self._rest(at)[: len(own)] == own

    def _other(self, at: int, option: int) -> frozenset[int]:
        """Return the option whose text stands beside the letter, where that is another one: "B) red"."""
        rest = " ".join(self._rest(at))
        return frozenset(i for i, other in enumerate(self.options) if other == rest and i != option)

    def _abbreviates(self, at: int, option: int, cued: bool) -> bool:
        """Return whether a letter with a dot abbreviates a word: "E. coli", «د. محمد»."""
        rest = self._rest(at) if self._at(at + 1) == "." and self._at(at + 2) != "\n" else []
        if not rest:
            return False
        if rest[0] in known.SPECIES and not self._is_own(at, option):
            return True
        if not self.options or len(rest) > 3 or self.options[option] in " ".join(rest):
            return False
        raw = self.raw[at]
        return raw in _TITLES if raw in _TITLES else not cued and self._at(at + 2).isalpha() and raw in known.LETTERS

    def _hyphenated(self, at: int, option: int) -> bool:
        """Return whether a letter is part of a word: "D-Day"."""
        joined = self.text[self.ends[at] : self.ends[at] + 2]
        return joined[:1] in ("-", "–") and joined[1:].isalnum() and not self._is_own(at, option)

    def _at(self, at: int) -> str:
        return self.tokens[at] if 0 <= at < len(self.tokens) else ""
