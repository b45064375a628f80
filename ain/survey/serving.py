"""Serves a survey until it is interrupted."""

from collections.abc import Callable
from pathlib import Path

from ain.server.listening import listen
from ain.survey.answers import Answers
from ain.survey.app import App
from ain.survey.definition import read_survey
from ain.survey.protection import quiet_logger


async def serve(folder: Path, host: str, port: int, url: str | None, ready: Callable[[str], None]) -> None:
    """Serve until cancelled. ready: called with the address once requests are accepted. Raise UserError for a folder that
    holds no survey."""
    survey = read_survey(folder)
    answers = Answers(folder, survey)
    try:
        await listen(App(survey, folder, answers, url).application(), host, port, ready, quiet_logger())
    finally:
        answers.close()
