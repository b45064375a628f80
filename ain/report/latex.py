"""Write a table for LaTeX, with booktabs and longtable, to be read by \\input."""

import re
from collections.abc import Sequence
from typing import Any

from ain.storage.tables import Table

_NUMBER = re.compile(r"[-+]{0,2}\d|--$")  # a number, whatever follows, or nothing
_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def escaped(text: str) -> str:
    """Return the text so that LaTeX prints it as it stands, in one line."""
    return "".join(_SPECIAL.get(sign, sign) for sign in " ".join(text.split()))


def latex(rows: Table, caption: str, notes: Sequence[str] = ()) -> str:
    """Return the rows, at least one, which have the same keys, as a table with notes below it. Columns of numbers stand on the
    right, and the first, which names the rows, on the left."""
    names = list(rows[0])
    numeric = [i > 0 and all(_NUMBER.match(_cell(row[name])) for row in rows) for i, name in enumerate(names)]
    head = " & ".join(escaped(name) for name in names) + r" \\"
    body = [" & ".join(_cell(row[name]) for name in names) + r" \\" for row in rows]
    columns = "".join("r" if right else "l" for right in numeric)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs,longtable}",
            r"\begingroup\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\begin{{longtable}}{{{columns}}}",
            rf"\caption{{{escaped(caption)}}} \\",
            r"\toprule",
            head,
            r"\midrule",
            r"\endfirsthead",
            r"\toprule",
            head,
            r"\midrule",
            r"\endhead",
            *body,
            r"\bottomrule",
            r"\end{longtable}",
            *(rf"\noindent {escaped(note)}\par" for note in notes),
            r"\endgroup",
            "",
        ]
    )


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "--"
    return escaped(str(value))
