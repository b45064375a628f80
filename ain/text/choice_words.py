"""The words around a choice in English and Arabic, as `looked_up` leaves them: unified, lower case, ه for ة."""

from ain.text.languages import OPTIONS

LETTERS = {letter: i for i, letter in enumerate(OPTIONS["Latin"] + "IJ")}
LETTERS |= {letter.replace("أ", "ا"): i for i, letter in enumerate(OPTIONS["Arabic"] + "طي")}
_ORDINALS_EN = "first second third fourth fifth sixth seventh eighth ninth tenth"
_ORDINALS_AR = "اول ثاني ثالث رابع خامس سادس سابع ثامن تاسع عاشر"
_CARDINALS_EN = "one two three four five six seven eight nine ten"
_CARDINALS_AR = "واحد اثنين ثلاثه اربعه خمسه سته سبعه ثمانيه تسعه عشره"


def _listed(words: str) -> set[str]:
    return set(words.split())


def _places(words: str) -> dict[str, int]:
    return {word: i for i, word in enumerate(words.split())}


ORDINALS = _places(_ORDINALS_EN) | {f"{i}{end}": i - 1 for i in range(1, 11) for end in ("st", "nd", "rd", "th")}
ORDINALS |= {f"ال{word}{end}": i for word, i in _places(_ORDINALS_AR).items() for end in ("", "ه")}
ORDINALS |= {"الاولي": 0, "last": -1, "الاخير": -1, "الاخيره": -1}
CARDINALS = _places(_CARDINALS_EN) | _places(_CARDINALS_AR) | {"اثنان": 1, "اتنين": 1}

# What an option is called. "Option B" names B, and does not choose it yet.
NOUNS = _listed("option options choice choices alternative letter number no خيار خيارات اختيار بديل حرف رقم")
NOUNS |= {f"ال{word}" for word in ("خيار", "خيارات", "اختيار", "بديل", "حرف", "رقم", "خيارين")}
ANSWERS = _listed("answer answers answer's answer’s ans solution اجابه جواب اجابتي جوابي حل رد اختياري")
ANSWERS |= {f"ال{word}" for word in ("اجابه", "جواب", "حل", "رد", "اجابات")}
# What announces a choice, with an answer or without.
ANNOUNCE = ANSWERS | _listed(
    "choose chose choosing pick picked select selected go going اختار اختر نختار ساختار اخترت فاختار"
)
CONCLUDE = _listed("therefore thus hence so اذن اذا لذلك لذا بالتالي عليه")
RIGHT = _listed("correct right true best صح الصح صحيح صحيحه الصحيح الصحيحه صواب الانسب الادق المناسب المناسبه ✅ ✔ ✓")
WRONG = _listed("wrong incorrect false eliminated excluded ruled untrue خاطئ خاطئه خطا مستبعد مستبعده unlikely ❌ ✗ ✘")
NEGATE = _listed("not isn't isn’t aren't aren’t wasn't wasn’t cannot can't can’t never ليس ليست غير مش مو لا لن لم")
EXCLUDE = _listed("neither nor eliminate exclude except without unlike reject out نستبعد استبعد استبعاد عدا سوي")
JOIN = {"and", "or", "nor", "&", "+", ",", "،", "/", "او", "ام", "و"}
# What may stand between an announcement and the letter, or before a letter that is named without one.
FILLERS = _listed("""is are was be would should must might may could will the it its it's it’s that that's this both either
    with for most likely probably clearly final correct right best my i i'd i’d i'll i’ll think believe guess say but
    actually definitely sure here his to also indeed only one
    هي هو تكون يكون ستكون سيكون النهائيه النهائي الصحيحه الصحيح انها انه بل ان هنا اظن اعتقد اكيد طبعا كل من علي فقط اما
    انما الصح""")
# What may follow a letter that is named without an announcement: "A dog" is none.
FOLLOWING = RIGHT | WRONG | NEGATE | JOIN
FOLLOWING |= _listed(
    "is are was were because since as can fits matches seems looks would must for which هو هي لان لانه لانها حيث بسبب كما"
)
# Species, whose genus is an initial.
SPECIES = {
    "coli",
    "pylori",
    "elegans",
    "difficile",
    "botulinum",
    "subtilis",
    "cereus",
    "albicans",
    "jejuni",
    "faecalis",
}


def looked_up(token: str) -> str:
    """Return a unified token as these lists have it."""
    return token.lower().replace("ة", "ه")


def among(token: str, some: set[str] | dict[str, int]) -> bool:
    """Return whether a looked-up token is one of some words, with «و» or «ف» before it too."""
    return token in some or (token[:1] in ("و", "ف") and token[1:] in some)
