"""Count by domain what select keeps and what each rule rejects, over columns of many records."""

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ain.metrics.rules import Scores
from ain.metrics.verdicts import FUNNEL

Table = list[dict[str, Any]]


class ByDomain:
    """Sums for each domain: its records, those that each rule rejects, and the similarity of their worst turns."""

    def __init__(self) -> None:
        self._records: dict[str, int] = defaultdict(int)
        self._rejected: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(FUNNEL), np.int64))
        self._similar: dict[tuple[str, bool], list[float]] = defaultdict(lambda: [0.0, 0])  # domain, kept → sum, number

    def add(self, domains: pa.ChunkedArray, rules: np.ndarray) -> None:
        """Add a span. rules: one bit per entry of FUNNEL, for each record."""
        for domain, here in _groups(domains):
            self._records[domain] += int(here.sum())
            self._rejected[domain] += [int((rules[here] >> bit & 1).sum()) for bit in range(len(FUNNEL))]

    def add_similarity(self, domains: pa.ChunkedArray, rules: np.ndarray, column: pa.ChunkedArray) -> None:
        """Add the similarities of a span's records; a record without any counts nowhere."""
        scores = Scores.of(column)
        judged = np.diff(scores.starts) > 0
        worst = np.full(len(judged), np.nan, np.float32)
        if judged.any():
            worst[judged] = np.fmin.reduceat(scores.values, scores.starts[:-1][judged])
        for domain, here in _groups(domains):
            for kept in (True, False):
                values = worst[here & ((rules == 0) == kept)]
                values = values[~np.isnan(values)]
                self._similar[domain, kept][0] += float(values.sum(dtype=np.float64))
                self._similar[domain, kept][1] += len(values)

    def rules(self) -> Table:
        """Return one row per domain: its records, and the percentage that each rule speaks against."""
        used = [bit for bit in range(len(FUNNEL)) if any(counts[bit] for counts in self._rejected.values())]
        return [
            {
                "domain": domain,
                "records": records,
                **{FUNNEL[bit]: round(100 * int(self._rejected[domain][bit]) / records, 1) for bit in used},
            }
            for domain, records in sorted(self._records.items())
        ]

    def similarity(self) -> Table:
        """Return one row per domain: the mean similarity of kept and of rejected translations, and their numbers."""
        rows = []
        for domain in sorted({domain for domain, _ in self._similar}):
            row: dict[str, Any] = {"domain": domain}
            for name, kept in (("kept", True), ("rejected", False)):
                total, number = self._similar[domain, kept]
                row |= {name: round(total / number, 4) if number else None, f"{name} translations": int(number)}
            rows.append(row)
        return rows


def _groups(domains: pa.ChunkedArray) -> list[tuple[str, np.ndarray]]:
    """Return each domain with the mask of its records."""
    found = pc.fill_null(domains, "").combine_chunks().dictionary_encode()
    codes = found.indices.to_numpy()
    return [(name, codes == code) for code, name in enumerate(found.dictionary.to_pylist())]
