"""Print a question of an evaluation for `ain show`: from its images to how each model's answer came out."""

from collections.abc import Callable, Iterator

from ain.metrics.outcomes import outcome, why
from ain.report.measured import CONDITIONS
from ain.report.questions import Evaluation, Question, Stored
from ain.report.questions_page import ended

Texts = Callable[[str, str], Iterator[str]]  # a label and a text → lines


def lines(evaluation: Evaluation, question: Question, images: dict[str, Stored], texts: Texts) -> Iterator[str]:
    """Yield the lines. images: those that are stored. texts: how texts of data are printed."""
    row = question.row
    condition = CONDITIONS.get(row["images"], row["images"])
    about = filter(None, (question.benchmark, row["domain"], row["kind"], row["language"], condition))
    yield f"{question.id}: {', '.join(about)}"
    for sha in row["shown"]:
        yield f"\nImage {sha}" + ("" if sha in images else ": not stored")
        if sha in images:
            yield f"  {images[sha].width} x {images[sha].height} pixels as stored, {images[sha].where}"
    yield ""
    yield from texts("question", row["question"])
    for number, option in enumerate(row["options"]):
        yield from texts("" if number else "options", f"{number + 1}. {option}")
    for number, label in enumerate(row["labels"] or ["(no label)"]):
        yield from texts("" if number else "label", label)
    for model, answer in question.answers.items():
        scores = ", ".join(f"{name} {score:.3g}" for name, score in answer["scores"].items())
        yield f"\n{model}: {outcome(answer)}" + (f", {scores}" if scores else "")
        if said := why(answer):
            yield f"  {'why':<20} {said}"
        yield from texts("answer", answer["prediction"] or "(no text)")
        if answer["parsed"] is not None and answer["parsed"] != answer["prediction"]:
            yield from texts("read as", answer["parsed"])
        yield f"  {'ended':<20} {ended(answer)}"
        yield f"  by {evaluation.graded[model]}"
