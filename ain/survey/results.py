"""Count what participants said: preferences, nationalities, answers about dialects, agreement, and places of answers.

A choice counts as soon as it is stored, whether or not its participant came to the end. No table has a token or an address.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ain.metrics import agreement, preferences
from ain.report.paper import load
from ain.storage.tables import Table
from ain.survey.answers import Given, Participant
from ain.survey.definition import Asked, Survey


def reported(figure: str) -> dict[str, float]:
    """Return the paper's percentages of a figure, by their printed names."""
    return {line.printed: line.a[0] for line in load(f"ain/{figure}").values.values() if line.a[0] is not None}


class Results:
    """The tables of a survey. participants: all that agreed; who chose nothing is left out."""

    def __init__(self, survey: Survey, participants: Sequence[Participant], given: Sequence[Given]) -> None:
        self.survey, self.given = survey, list(given)
        answered = Counter(one.participant for one in given)
        self.participants = [one for one in participants if answered[one.number]]
        self.finished = sum(answered[one.number] == len(survey.questions) for one in self.participants)
        self._numbers = {model: number for number, model in enumerate(survey.models)}

    @cached_property
    def counts(self) -> dict[str, int]:
        return {
            "participants": len(self.participants),
            "of them with all questions answered": self.finished,
            "of them imported from a form": sum(one.source != "web" for one in self.participants),
            "nationalities": len(_counted(one.nationality for one in self.participants)),
            "questions": len(self.survey.questions),
            "choices": len(self.given),
        }

    def preferences(self) -> Table:
        """Return one row per model: its choices, their share and its Bradley-Terry strength with 95 % bootstrap intervals over
        participants, and how many of its answers the scorer found right."""
        models, chosen = self.survey.models, Counter(one.chosen for one in self.given)
        by_participant: dict[int, list[Given]] = {one.number: [] for one in self.participants}
        for one in self.given:
            by_participant[one.participant].append(one)
        shares = preferences.shares(
            [[self._numbers[one.chosen] for one in of] for of in by_participant.values()], len(models)
        )
        won = np.array([sum(self._wins(one) for one in of) for of in by_participant.values()])
        rows = []
        for model, share, strength in zip(models, shares, preferences.strengths(won), strict=True):
            right = [question.answers[model].right for question in self.survey.questions]
            rows.append(
                {
                    "model": model,
                    "choices": chosen[model],
                    **_percent(share),
                    "strength": round(strength[0], 4),
                    "strength, low": round(strength[1], 4),
                    "strength, high": round(strength[2], 4),
                    "right answers": None if None in right else sum(map(bool, right)),
                }
            )
        return rows

    def _wins(self, one: Given) -> np.ndarray:
        """Return the pairs that a choice decides. All models are shown with each question, in whatever order."""
        everyone = range(len(self.survey.models))
        return preferences.wins(self._numbers[one.chosen], everyone, len(everyone))

    def by_question(self) -> Table:
        """Return one row per question and model (Figs. 10 to 12), with Wilson intervals."""
        chosen = Counter((one.question, one.chosen) for one in self.given)
        rows = []
        for number, question in enumerate(self.survey.questions, 1):
            of = sum(chosen[number, model] for model in self.survey.models)
            for model in self.survey.models:
                rows.append(
                    {
                        "question": number,
                        "domain": question.domain,
                        "model": model,
                        "answer": question.answers[model].text,
                        "right": question.answers[model].right,
                        "choices": chosen[number, model],
                        **_percent(preferences.wilson(chosen[number, model], of)),
                    }
                )
        return rows

    def wrong(self) -> Table:
        """Return one row per question: choices of an answer that the scorer did not find right, with Wilson intervals. The
        paper reads such choices as people's own mistakes."""
        rows = []
        for number, question in enumerate(self.survey.questions, 1):
            chosen = [one.chosen for one in self.given if one.question == number]
            right = sum(question.answers[model].right is True for model in self.survey.models)
            wrong = sum(question.answers[model].right is not True for model in chosen)
            about = {"question": number, "domain": question.domain, "choices": len(chosen), "right answers": right}
            rows.append(about | _percent(preferences.wilson(wrong, len(chosen))))
        return rows

    def nationalities(self) -> Table:
        """Return one row per nationality (Fig. 7), the most frequent first, and the paper's that nobody has here."""
        return self._about("nationality", self.survey.nationality, reported("fig7"), named=False)

    def dialects(self) -> Table:
        """Return one row per answer to the question about dialects (Fig. 9)."""
        return self._about("dialect", self.survey.dialect, reported("fig9"), named=True)

    def _about(self, what: str, asked: Asked, paper: dict[str, float], named: bool) -> Table:
        """named: whether choices that nobody took have a row, too."""
        chosen = _counted(getattr(one, what) for one in self.participants)
        of = chosen.total()
        names = dict.fromkeys([*(asked.ids if named else ()), *(name for name, _ in chosen.most_common()), *paper])
        return [
            {
                what: name,
                "participants": chosen[name],
                **_percent(preferences.wilson(chosen[name], of)),
                "paper, %": paper.get(name),
            }
            for name in names
        ]

    def agreement(self) -> float | None:
        """Return Krippendorff's alpha over participants, nominal, with missing answers. Equal texts are one category."""
        ratings: dict[str, dict[str, float]] = {}
        for one in self.given:
            answers = self.survey.questions[one.question - 1].answers
            texts = [answers[model].text.strip() for model in self.survey.models]
            category = float(texts.index(answers[one.chosen].text.strip()))
            ratings.setdefault(str(one.participant), {})[str(one.question)] = category
        return agreement.alpha(ratings, "nominal")

    def places(self) -> Table:
        """Return one row per place: how often each model was shown there, and how often the answer there was chosen."""
        known = [one for one in self.given if one.shown]
        rows = []
        for place in range(len(self.survey.models) if known else 0):
            here = Counter(one.shown[place] for one in known if one.shown)
            taken = sum(one.chosen == one.shown[place] for one in known if one.shown)
            shown = {f"shown: {model}": here[model] for model in self.survey.models}
            rows.append(
                {"place": place + 1, **shown, "chosen": taken, **_percent(preferences.wilson(taken, len(known)))}
            )
        return rows

    def answers(self) -> Table:
        """Return one row per choice, for other tools. Participants are numbered anew."""
        numbers = {one.number: number for number, one in enumerate(self.participants, 1)}
        about = {one.number: one for one in self.participants}
        return [
            {
                "participant": numbers[one.participant],
                "nationality": about[one.participant].nationality,
                "dialect": about[one.participant].dialect,
                "question": one.question,
                "record": self.survey.questions[one.question - 1].record,
                "chosen": one.chosen,
                "shown": " | ".join(one.shown) if one.shown else None,
            }
            for one in self.given
        ]


def balance(places: Table) -> float | None:
    """Return the p-value of the chi-square test that each model is as often at each place; None if nothing is known."""
    table = [[row[name] for name in row if name.startswith("shown: ")] for row in places]
    if not table or min(map(sum, table)) == 0:
        return None
    from scipy.stats import chi2_contingency  # takes two seconds to import

    return float(chi2_contingency(table, correction=False).pvalue)


def _counted(values: Any) -> Counter[str]:
    return Counter(value for value in values if value is not None)


def _percent(found: preferences.Interval) -> dict[str, float | None]:
    """Return columns in percent."""
    named = dict(zip(("percent", "low", "high"), found, strict=True))
    return {name: None if np.isnan(value) else round(100 * value, 2) for name, value in named.items()}
