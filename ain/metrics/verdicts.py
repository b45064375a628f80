"""Collect the reasons to reject records, rule by rule, over columns of many records."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ain.metrics.rules import RULES, Scores, broken
from ain.storage.record import Row

PERSON = "rejected by a person"
FUNNEL = ("translation", *RULES, PERSON, "unsafe")  # all causes of rejection, in order


_OF_A_TURN = re.compile(r" in turn \d+$")


def of_translation(reason: str) -> bool:
    """Return whether a reason speaks against this very translation; the sample's speaks against all, others against an
    image."""
    return reason.startswith(("translation:", PERSON)) or bool(_OF_A_TURN.search(reason))


class Against:
    """The reasons to reject records of a span."""

    def __init__(self, ids: pa.ChunkedArray) -> None:
        self.ids = ids.combine_chunks()
        self.places = [np.zeros(0, np.int64)]  # the record of each reason
        self.reasons: list[str] = []
        self.rules = np.zeros(len(ids), np.int64)  # one bit per entry of FUNNEL
        self.accepted = np.zeros(len(ids), bool)  # by a person: rules on translations do not apply
        self.barred = np.zeros(len(ids), bool)  # rejected by a person with the original

    def _places(self, ids: pa.ChunkedArray) -> np.ndarray:
        """Return the positions of these records in the span. Only their ids are hashed, because they are few."""
        if len(ids) == len(self.ids) and ids.combine_chunks().equals(self.ids):
            return np.arange(len(ids))
        asked = ids.combine_chunks().dictionary_encode()
        found = pc.index_in(self.ids, asked.dictionary)
        places = np.full(len(asked.dictionary), -1, np.int64)
        places[found.drop_null()] = np.flatnonzero(found.is_valid())
        if (places < 0).any():
            raise RuntimeError("a stage names records that collect does not know")
        return places[asked.indices]

    def _add(self, rule: str, places: np.ndarray, reasons: Sequence[str]) -> None:
        if rule not in (PERSON, "unsafe") and self.accepted[places].any():
            apply = ~self.accepted[places]
            places, reasons = places[apply], [one for one, keep in zip(reasons, apply, strict=True) if keep]
        self.rules[places] |= 1 << FUNNEL.index(rule)
        self.places.append(places)
        self.reasons += reasons

    def overrides(self, rows: Sequence[Row]) -> None:
        """Apply a person's verdicts, of any span. Call it before all others."""
        if not rows:
            return
        found = pc.index_in(self.ids, pa.array([row["id"] for row in rows], pa.string()))
        for place in np.flatnonzero(found.is_valid()):
            row = rows[found[place].as_py()]
            self.accepted[place] = row["verdict"] != "reject"
            if row["verdict"] == "reject":
                self._add(PERSON, np.array([place]), [f"{PERSON}: {row['note']}" if row["note"] else PERSON])
                self.barred[place] = row["language"] is None  # there is no translation that was meant

    def untranslated(self, table: pa.Table) -> None:
        said = table["reasons"].combine_chunks()
        places = self._places(table["id"])[pc.list_parent_indices(said).to_numpy()]
        self._add("translation", places, [f"translation: {reason}" for reason in said.flatten().to_pylist()])

    def scores(self, table: pa.Table, names: list[str], thresholds: dict[str, Any]) -> None:
        places = self._places(table["id"])
        for name in names:
            rows, reasons = broken(RULES[name], Scores.of(table[RULES[name].column]), thresholds[name])
            self._add(name, places[rows], reasons)

    def unsampled(self, verified: pa.Table, sampled: pa.Table, names: list[str]) -> None:
        """Reject translated records that were not sampled; used if each record is judged by its own scores."""
        missing = verified.filter(pc.and_(verified["similarity"].is_valid(), sampled["meteor"].is_null()))
        places = self._places(missing["id"])
        for name in names:
            self._add(name, places, [f"{name}: not computed, the record was not sampled"] * len(places))

    def gate(self, table: pa.Table, reasons: dict[str, str | None]) -> None:
        """Reject all translated records for the reasons that the sample gave."""
        places = self._places(table.filter(table["similarity"].is_valid())["id"])
        for rule, reason in reasons.items():
            if reason:
                self._add(rule, places, [reason] * len(places))

    def images(self, table: pa.Table) -> None:
        said = [
            f"unsafe: {row['category']}" if row["rating"] else "unsafe: no readable verdict, held back for review"
            for row in table.select(["rating", "category"]).to_pylist()
        ]
        self._add("unsafe", self._places(table["id"]), said)

    def among(self, ids: pa.ChunkedArray) -> np.ndarray:
        """Return the positions of these records in the span, as an index of `rules` and of the columns of all records."""
        return self._places(ids)

    def kept(self) -> list[str]:
        return self.ids.filter(pa.array(self.rules == 0)).to_pylist()  # type: ignore[no-any-return]

    def accepted_but_unsafe(self) -> int:
        return int((self.accepted & (self.rules > 0)).sum())

    def of_translations(self, verified: pa.Table) -> dict[str, int]:
        """Return how many translations were judged and how many of them are kept."""
        places = self._places(verified.filter(verified["similarity"].is_valid())["id"])
        return {"judged": len(places), "kept": int((self.rules[places] == 0).sum())}

    def together(self) -> dict[int, int]:
        """Return set of rules, as bits → number of records that break exactly these."""
        sets, counts = np.unique(self.rules, return_counts=True)
        return dict(zip(sets.tolist(), counts.tolist(), strict=True))

    def tables(self) -> tuple[pa.Table, pa.Table]:
        """Return the kept and the rejected rows. Reasons are grouped by record as whole columns, because a list for each
        record would dominate the time."""
        places = np.concatenate(self.places)
        order = np.argsort(places, kind="stable")
        refused, starts = np.unique(places[order], return_index=True)
        said = pa.array(self.reasons, pa.string()).take(pa.array(order))
        columns = {
            "id": self.ids.take(pa.array(refused)),
            "where": pa.nulls(len(refused), pa.string()),
            "reasons": pa.ListArray.from_arrays(pa.array([*starts.tolist(), len(order)], pa.int32()), said),
            "original_usable": pa.array((self.rules[refused] < 1 << FUNNEL.index("unsafe")) & ~self.barred[refused]),
        }
        return pa.table({"id": self.ids.filter(pa.array(self.rules == 0))}), pa.table(columns)
