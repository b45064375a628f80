"""`ain show ID`: print one record from its source to its verdict, with what the report's page of a record shows, or one
question of an evaluation from its images to the score of each model."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ain import UserError
from ain.cli.parser import Parser
from ain.runtime.printable import printable

_ABOUT = """\
Print one record: its text, its images, its translation, its scores, and why it was kept or rejected. The newest select
stage that knows the record judges it. Or print one question of an evaluation: its image, prompt and label, the newest
answer of each model, what was read from it, and how it was scored. output_dir=DIR names the directory that the run wrote
to (outputs)."""
_RULE = "  {:<18} {:<14} {:>8}  {:<5} {}"


def main(words: list[str]) -> None:
    parser = Parser("show", _ABOUT)
    parser.add_argument("id", metavar="ID", help="the id of the record or the question")
    parser.add_argument("--images", metavar="FOLDER", type=Path, help="write its images there")
    given = parser.read(words)

    from ain.cli.question_lines import lines as question_lines
    from ain.report.questions import latest
    from ain.report.records import judged

    data, isolate = given.output_dir / "data", sys.stdout.isatty()
    record, asked = judged(data, given.id), latest(data, given.id)
    if record is None and not asked:
        raise UserError(_unknown(data, given.id))
    blocks: list[Iterable[str]] = []
    images: dict[str, bytes] = {}
    if record:
        blocks.append(lines(record, isolate))
        images |= {image["sha256"]: image["store"].bytes(image["place"]) for image in record["images"]}
    for evaluation in asked:
        for question in evaluation.find([given.id]):
            stored = evaluation.images(question.row["shown"])
            blocks.append(question_lines(evaluation, question, stored, partial(texts, isolate=isolate)))
            images |= {sha: image.bytes for sha, image in stored.items()}
    print("\n\n".join("\n".join(map(printable, block)) for block in blocks))
    if given.images:
        for path in _written(images, given.images):
            print(path)


def _unknown(data: Path, name: str) -> str:
    """Return why nothing is printed, in a sentence."""
    from ain.report.records import refused

    if rejected := refused(data, name):
        return f"{name} was rejected by {rejected[0].name}: {'; '.join(rejected[1])}"
    return (
        f"{name}: no finished select in {data} knows this record, and no evaluation asked such a question; check the id, or "
        "name the run's directory with output_dir=DIR"
    )


def texts(label: str, text: str, isolate: bool) -> Iterator[str]:
    """Yield the lines of a text of data, behind its label. isolate: give each a direction of its own, so that a terminal
    orders Arabic correctly."""
    for number, line in enumerate(text.split("\n")):
        yield f"  {'' if number else label:<20} {_isolated(line) if isolate else line}"


def lines(record: dict[str, Any], isolate: bool) -> Iterator[str]:
    """Yield the lines of a record. isolate: as `texts` takes it."""
    yield f"{record['id']}: {record['source']}, {record['domain']}, {record['origin']}, {record['language'].name}"
    yield f"Rejected: {'; '.join(record['reasons'])}" if record["reasons"] else "Kept"
    yield f"  by {record['directory']}"
    if person := record["person"]:
        yield f"Verdict of a person: {person['verdict']}{': ' * bool(person['note'])}{person['note']}"
    for image in record["images"]:
        category = f", {image['category']}" if image["category"] else ""
        yield f"\nImage {image['sha256']}: {image['rating'] or 'no verdict'}{category}"
        yield f"  {image['store'].directory}/{image['place'][0]:05d}.arrow, row {image['place'][1]}"
        if said := image["rationale"] or image["fault"]:
            yield from texts("", said, isolate)
    others = {"reference": record["reference"], "translated back": record["back"]}
    if record["translation"]:
        others = {record["target"].name: record["translation"], **others}
    if record["person"] and record["person"]["verdict"] == "correct":
        others["corrected"] = record["person"]["turns"]
    for number, turn in enumerate(record["turns"]):
        yield f"\nTurn {number + 1}"
        for label, turns in {record["language"].name: [turn], **others}.items():
            if turns:
                said = turn if turns == [turn] else turns[number]
                yield from texts(label, said["question"], isolate)
                yield from texts("", said["answer"], isolate)
    yield from _scores(record["scores"])
    yield f"\n{_RULE.format('Rule', 'threshold', 'worst', 'turn', 'verdict')}"
    for rule in record["rules"]:
        value = "-" if rule["value"] is None else f"{rule['value']:.3f}"
        verdict = f"{rule['verdict']}: {rule['note']}" if rule["note"] else rule["verdict"]
        yield _RULE.format(rule["rule"], rule["limit"] or "-", value, rule["turn"] or "", verdict)


def _scores(scores: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each score, with its values turn by turn."""
    found = {name: values for name, values in scores.items() if isinstance(values, list) and _numbers(values)}
    if found:
        yield "\nScores, turn by turn"
    for name, values in found.items():
        yield f"  {name:<20} {' '.join('-' if value is None else f'{value:.3f}' for value in values)}"


def _numbers(values: list[Any]) -> bool:
    return any(isinstance(value, float) for value in values)


def _isolated(text: str) -> str:
    """Return the text between Unicode's first strong isolate and its end."""
    return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if text else ""


def _written(images: dict[str, bytes], folder: Path) -> Iterator[Path]:
    from ain.storage.files import replace_bytes
    from ain.storage.images import suffix

    folder.mkdir(parents=True, exist_ok=True)
    for name, data in images.items():
        path = folder / f"{name}.{suffix(data)}"
        replace_bytes(path, data)
        yield path
