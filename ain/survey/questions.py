"""Choose the questions of a survey from finished evaluations: by id, or drawn by seed and balanced over domains."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ain import UserError
from ain.report.questions import Evaluation
from ain.report.questions import Question as Asked
from ain.storage.manifest import is_done, read_manifest


@dataclass(frozen=True)
class Candidate:
    """A question that could be in a survey. differ: whether at least two of the models' answers differ."""

    evaluation: Evaluation
    id: str
    domain: str
    language: str
    differ: bool


def evaluations(jobs: Mapping[str, Iterable[Path]], models: Sequence[str]) -> list[Evaluation]:
    """Return the evaluations of jobs, a benchmark each. jobs: name → directories of stages. models: those to take, or none
    for all.

    A model that several jobs have asked under one name is called `MODEL (JOB)`. Raise UserError for fewer than two.
    """
    found: dict[str, dict[str, dict[Path, str]]] = defaultdict(lambda: defaultdict(dict))  # benchmark → model → jobs
    for job, directories in jobs.items():
        for directory in filter(is_done, directories):
            manifest = read_manifest(directory)
            if manifest["stage"] == "grade":
                counts = manifest["counts"]
                found[counts["benchmark"]][counts["model"]].setdefault(directory, job)
    named = {
        benchmark: {
            model if len(places) == 1 else f"{model} ({job})": directory
            for model, places in of.items()
            for directory, job in places.items()
        }
        for benchmark, of in found.items()
    }
    known = list(dict.fromkeys(model for of in named.values() for model in of))
    if unknown := next((model for model in models if model not in known), None):
        raise UserError(f"--models {unknown}: no finished evaluation has it; choose among {', '.join(known) or 'none'}")
    wanted = list(models) or known
    if len(wanted) < 2:
        raise UserError(
            f"a survey compares at least two models, and these jobs have {', '.join(wanted) or 'none'}; name more jobs, or "
            "ask several with: ain evaluate models=[base,tuned]"
        )
    complete = {benchmark: of for benchmark, of in named.items() if set(wanted) <= set(of)}
    if not complete:
        raise UserError(f"no benchmark was asked of all of {', '.join(wanted)}; choose some with --models")
    return [Evaluation(benchmark, {model: of[model] for model in wanted}) for benchmark, of in complete.items()]


def candidates(asked: Iterable[Evaluation]) -> list[Candidate]:
    """Return the labelled questions that all models were asked, with the images that belong to them."""
    made = []
    for evaluation in asked:
        for shard in evaluation.shards():
            for question in shard:
                row, answers = question.row, question.answers
                if row["images"] == "shown" and row["labels"] and set(answers) == set(evaluation.models):
                    differ = len({answer["prediction"].strip() for answer in answers.values()}) > 1
                    made.append(Candidate(evaluation, question.id, row["domain"] or "", row["language"], differ))
    return made


def drawn(found: Sequence[Candidate], count: int, seed: int) -> list[Candidate]:
    """Return `count` candidates on which the models' answers differ, as equally many of each domain as there are. Raise
    UserError if there are fewer."""
    draw, groups = Random(seed), defaultdict(list)
    for one in found:
        if one.differ:
            groups[one.domain].append(one)
    domains = sorted(groups)
    draw.shuffle(domains)
    for domain in domains:
        draw.shuffle(groups[domain])
    turns = [(place, number) for number, domain in enumerate(domains) for place in range(len(groups[domain]))]
    if len(turns) < count:
        raise UserError(
            f"--questions {count}: there are {len(turns)} questions on which the answers differ; give a lower number, or name "
            "questions with --records"
        )
    return [groups[domains[number]][place] for place, number in sorted(turns)[:count]]


def named(found: Sequence[Candidate], ids: Sequence[str]) -> list[Candidate]:
    """Return the candidates with these ids, in this order. Raise UserError for an unknown one."""
    by_id = {one.id: one for one in reversed(found)}
    if unknown := next((name for name in ids if name not in by_id), None):
        raise UserError(
            f"--records {unknown}: not a labelled question that all these models were asked; see: ain show {unknown}"
        )
    return [by_id[name] for name in ids]


def read(chosen: Sequence[Candidate]) -> list[Asked]:
    """Return the chosen questions with the answers of all models."""
    found: dict[tuple[int, str], Asked] = {}
    for evaluation in dict.fromkeys(one.evaluation for one in chosen):
        for question in evaluation.find(one.id for one in chosen if one.evaluation is evaluation):
            if question.row["images"] == "shown":
                found[id(evaluation), question.id] = question
    return [found[id(one.evaluation), one.id] for one in chosen]
