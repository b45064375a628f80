"""Select: apply thresholds to the scores of verify and back_translate and to the verdicts of screen. No other stage
judges quality.

The back-translated sample is judged as a whole: over the sampled records that all other rules keep, its scores accept
or reject all translations.
A person's verdicts (`overrides=FILE`) come before the rules on translations.
If a record is rejected for its translation alone, its original stays usable (`original_usable`) for other parts of a
mixture. An unsafe image rules out the whole record.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.back_translation.gate import gate_reasons, sampled_quality
from ain.metrics.domains import ByDomain
from ain.metrics.rules import RULES, SAMPLED, Thresholds
from ain.metrics.verdicts import FUNNEL, Against, of_translation
from ain.report.corrupted import corrupted
from ain.review.overrides import SCHEMA as DECIDED
from ain.review.overrides import VERDICTS, Overrides, texts
from ain.runtime.console import log
from ain.source.miniature import MiniatureSource
from ain.storage.images import ImageStore
from ain.storage.manifest import read_manifest
from ain.storage.record import REJECTED, Row
from ain.storage.shards import SPAN, Shards
from ain.storage.tables import write_table
from ain.verifier.probing import calibrated

SCHEMA = pa.schema([("id", pa.string())])
REFUSED = REJECTED.append(pa.field("original_usable", pa.bool_()))
TITLE = "The rules"
SHOWN = {
    "rules": "How many records each rule speaks against, how many it alone, and how many are left after it and those before.",
    "rules_together": "Which rules speak against the same records.",
    "rules_by_domain": "Percent of each domain's records that each rule speaks against.",
    "similarity_by_domain": "Mean similarity of the worst turn, of kept and of rejected translations.",
    "corrupted": "What verification catches: percent of records rejected, by the kind of corruption done on purpose. Good "
    "translations equal their reference: what is rejected there is lost. “encoder” is similarity alone, “checks” the other "
    "rules alone.",
}


def select(
    collect: Path,
    translate: Path | None,
    verify: Path | None,
    back_translate: Path | None,
    screen: Path,
    thresholds: Thresholds,
    out: Path,
    overrides: Overrides | None = None,
    probe: Path | None = None,
) -> dict[str, Any]:
    """Write a shard for each span of collect's: the ids kept, and the ids rejected with every reason. A person's verdicts
    are written beside them.

    probe: of the same verifier; it gives the threshold of similarity if that is to be calibrated.
    """
    people = overrides.settled(collect, translate) if overrides else []
    found = calibrated(read_manifest(probe)["counts"]) if probe else None
    thresholds = replace(thresholds, similarity=found["similarity"]) if found else thresholds
    records, shards = Shards(collect), Shards(out, SCHEMA, REFUSED).create()
    scored = _scored(verify, back_translate, thresholds)
    failed = translate and read_manifest(translate)["counts"]["rejected"]
    screened = bool(thresholds.unsafe and read_manifest(screen)["counts"]["computed"])
    sample = (
        sampled_quality(collect, back_translate, scored, screen if screened else None, thresholds, people)
        if verify
        else None
    )
    gate = gate_reasons(sample, thresholds)
    named = records if failed or not scored else scored[0][0]  # memory-mapped, if it lists all records
    together: Counter[int] = Counter()
    translations: Counter[str] = Counter()
    unsafe = 0
    by_domain = ByDomain()
    for number in records.spans():
        against = Against(named.span(number, ["id"])["id"])
        against.overrides(people)
        if translate and failed:
            against.untranslated(Shards(translate).span(number, ["id", "reasons"], "rejected"))
        for scores, names in scored:
            against.scores(scores.span(number, ["id", *{RULES[name].column for name in names}]), names, thresholds.on())
        verified = scored[0][0].span(number, ["id", "similarity"]) if verify else None
        if verified and thresholds.sampled == "record" and len(scored) > 1:
            against.unsampled(verified, scored[1][0].span(number, ["id", "meteor"]), scored[1][1])
        if verified and any(gate.values()):
            against.gate(verified, gate)
        if screened:
            against.images(Shards(screen / "flagged").table(number, ["id", "rating", "category"]))
        shards.write_tables(number, *against.tables())
        unsafe += against.accepted_but_unsafe()
        together.update(against.together())
        domains = records.span(number, ["domain"])["domain"]
        by_domain.add(domains, against.rules)
        if verified:
            places = against.among(verified["id"])
            by_domain.add_similarity(domains.take(pa.array(places)), against.rules[places], verified["similarity"])
        translations.update(against.of_translations(verified) if verified else {})
    if translate and verify and read_manifest(translate)["counts"].get("corrupted"):
        write_table(out / "tables" / "corrupted.csv", corrupted(collect, translate, _broken(shards)))
    write_table(out / "tables" / "rules_by_domain.csv", by_domain.rules())
    if verify:
        write_table(out / "tables" / "similarity_by_domain.csv", by_domain.similarity())
    on = {name for _, names in scored for name in names} | set(gate)
    off = [name for name in (*RULES, "unsafe") if name not in on and not (name == "unsafe" and screened)]
    counts = _counts(together, off, out) | ({"translations": dict(translations)} if verify else {})
    if found:
        counts["calibrated"] = found
    if sample and sample.records:
        counts["sample"] = {"sampled": sample.records, **sample.means()}
    if overrides:
        Shards(out / "overrides", DECIDED).create().write(0, people)
        counts["overrides"] = _by_verdict(people, unsafe)
    _warn(counts, translations, gate, out)
    return counts


def _by_verdict(people: list[Row], unsafe: int) -> dict[str, int]:
    given = Counter(row["verdict"] for row in people)
    if unsafe:
        log.info(f"select: {unsafe:,} records stay rejected although a person accepted them: an image is unsafe")
    return {verdict: given[verdict] for verdict in VERDICTS} | {"unsafe": unsafe}


def _warn(counts: dict[str, Any], translations: "Counter[str]", gate: dict[str, str | None], out: Path) -> None:
    """Say what to look at if less than a tenth is kept, of the translations or of all records."""
    kept, judged, what = counts["kept"], counts["input"], "records"
    if translations["judged"]:
        kept, judged, what = translations["kept"], translations["judged"], "translations"
    if kept >= judged / 10:
        return
    failed = "; ".join(reason for reason in gate.values() if reason)
    own = {rule: records for rule, records in counts["by_rule"].items() if rule not in gate}
    if failed:  # what has no translation is not judged
        own.pop("translation", None)
    worst = max(own, key=own.__getitem__, default="no rule")
    alone = own.get(worst, 0)
    if failed and alone < 0.8 * judged:  # else the sample is judged over the few records that this rule leaves
        why = f"the back-translated sample rejects all translations ({failed})"
    else:
        why = f"{worst} rejects {alone:,}" + (
            f", and the sample was judged over what is left ({failed})" if failed else ""
        )
    log.warning(
        f"warning: select kept {kept:,} of {judged:,} {what}: {why}; look at a few with their scores in "
        f"{out / 'rejected'} and in the report, then at the models that made them, before you change the threshold"
    )


def _broken(shards: Shards) -> dict[str, set[str]]:
    """Return id → the rules on the record's own turns that reject it."""
    own = set(RULES) - set(SAMPLED)
    rows = shards.rows(["id", "reasons"], "rejected")
    return {row["id"]: own & {reason.split(":")[0] for reason in row["reasons"]} for row in rows}


def _scored(verify: Path | None, back_translate: Path | None, thresholds: Thresholds) -> list[tuple[Shards, list[str]]]:
    """Return the shards with scores of turns, each with the rules that read them."""
    on = thresholds.on()
    made = [(verify, [name for name in on if name not in SAMPLED])]
    if thresholds.sampled == "record":
        made.append((back_translate, [name for name in on if name in SAMPLED]))
    return [(Shards(directory, suffix="arrow"), names) for directory, names in made if directory is not None]


def _counts(together: "Counter[int]", off: list[str], out: Path) -> dict[str, Any]:
    """Write the tables of the funnel and the sets of rules; return the counts for the manifest."""
    total, left, funnel = together.total(), together.total(), []
    for i, rule in enumerate(FUNNEL):
        records = sum(count for bits, count in together.items() if bits >> i & 1)
        left -= sum(count for bits, count in together.items() if bits & -bits == 1 << i)  # its first broken rule
        if records:
            funnel.append({"rule": rule, "records": records, "by this rule alone": together[1 << i], "left": left})
    write_table(out / "tables" / "rules.csv", funnel)
    named = {
        " + ".join(rule for i, rule in enumerate(FUNNEL) if bits >> i & 1): n
        for bits, n in together.most_common(31)
        if bits
    }
    write_table(out / "tables" / "rules_together.csv", [{"rules": names, "records": n} for names, n in named.items()])
    by_rule = {row["rule"]: row["records"] for row in funnel}
    return {"input": total, "kept": left, "rejected": total - left, "by_rule": by_rule, "not_applied": off}


def headline(counts: dict[str, Any]) -> dict[str, Any]:
    found = counts.get("calibrated")
    named = {name: counts[name] for name in ("input", "kept", "rejected")}
    return named | ({"similarity": found["similarity"]} if found else {})


def beside(counts: dict[str, Any]) -> dict[str, int]:
    judged = counts.get("translations")
    return {"translations": judged["judged"], "translations kept": judged["kept"]} if judged else {}


def measures(counts: dict[str, Any], out: Path) -> Iterator[Row]:
    """Yield the thresholds of Fig. 13, and the percentage of the judged translations that similarity rejects."""
    thresholds, judged = read_manifest(out)["settings"]["thresholds"], counts.get("translations", {}).get("judged")
    for rule in ("similarity", *SAMPLED):
        if isinstance(thresholds[rule], int | float):
            yield {"metric": "threshold", "rule": rule, "value": thresholds[rule]}
    rejected = 100 * counts["by_rule"].get("similarity", 0) / judged if judged else None
    share = None if rejected is None else round(rejected, 2)
    yield {"metric": "rejected_pct", "rule": "similarity", "value": share, "n": judged}


def said(counts: dict[str, Any]) -> str:
    return " ".join(filter(None, (_said_of_threshold(counts), _said_of_people(counts))))


def _said_of_threshold(counts: dict[str, Any]) -> str:
    if not (found := counts.get("calibrated")):
        return ""
    return (
        f"Similarity must be at least {found['similarity']}: by the probe of this verifier that rejects at most "
        f"{found['false_rejection']:.1%} of {found['references']} trusted references."
    )


def _said_of_people(counts: dict[str, Any]) -> str:
    if not (of := counts.get("overrides")):
        return ""
    return (
        f"A person accepted {of['accept']:,}, rejected {of['reject']:,} and corrected {of['correct']:,} records; "
        f"{of['unsafe']:,} of the accepted and corrected ones stay rejected, because an image is unsafe."
    )


def check(
    collect: Path | None,
    translate: Path | None,
    source: Any,
    translator: Any,
    thresholds: Thresholds,
    back_translation: Any,
    screener: Any,
    overrides: Overrides | None,
    probe: Path | None = None,
) -> None:
    """Refuse verdicts that do not fit their records, if these are known already, and thresholds that have no basis or, on
    people's own data, would judge nothing: nobody would see that."""
    if probe:
        calibrated(read_manifest(probe)["counts"])
    if overrides and collect and translate:
        overrides.settled(collect, translate)
    if isinstance(source, MiniatureSource):
        return
    on = [name for name in SAMPLED if name in thresholds.on()]
    if on and translator is not None and back_translation is None:
        off = " ".join(f"thresholds.{name}=null" for name in on)
        raise UserError(f"back_translation=none: {', '.join(on)} have nothing to judge; choose another, or set {off}")
    if thresholds.unsafe and not screener.judges:
        raise UserError("screener=none: no image is judged; choose another, or set thresholds.unsafe=null")


def pages(
    collect: Path,
    translate: Path | None,
    verify: Path | None,
    back_translate: Path | None,
    screen: Path,
    out: Path,
    where: Path,
    records: list[str],
) -> dict[str, Any]:
    """Write a page for each of a few records and for those requested by id."""
    from ain.report.records import examples

    inputs = {"collect": collect, "translate": translate, "verify": verify, "back_translate": back_translate}
    found = {name: path for name, path in inputs.items() if path is not None}
    return examples(found | {"screen": screen, "select": out}, where, records)


def again(out: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the records that are rejected for their translation alone, with the reasons that speak against it."""
    for row in Shards(out).rows(["id", "reasons", "original_usable"], "rejected"):
        reasons = [reason for reason in row["reasons"] if of_translation(reason)]
        if reasons and row["original_usable"]:
            yield row["id"], reasons


def exported(out: Path, follows: dict[str, Any]) -> Iterator[tuple[Row, Any]]:
    """Yield each record that was kept, in its translation if it has one, and a function that returns the bytes of an
    image by its sha256."""
    collect = follows["collect"]
    store = ImageStore(collect)
    places, replaced = store.index(), texts(out)
    for index in range(len(Shards(collect))):
        if index % SPAN == 0:
            kept = {row["id"] for row in Shards(out).read(index // SPAN, ["id"])}
        translated = Shards(follows["translate"]).by_id(index, ["language", "turns"]) if follows["translate"] else {}
        for record in Shards(collect).read(index):
            if record["id"] in kept:
                made = replaced.get(record["id"]) or translated.get(record["id"], {})
                own = {**record, "language": made["language"], "turns": made["turns"], "references": None}
                yield own if made.get("turns") else record, lambda sha: store.bytes(places[sha])
