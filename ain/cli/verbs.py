"""The verbs that are no stages. Each is a module of this package, named as its verb, with `main(words)`."""

import importlib
import sys
from collections.abc import Callable

# Verb → its line in `ain --help`.
VERBS = {
    "chat": "ask a checkpoint questions in the terminal, also about an image",
    "serve": "answer OpenAI's protocol with a checkpoint or a predictor, for evaluation harnesses and other clients",
    "show": "print one record from its source to its verdict",
    "retry": "ask again for translations that were rejected",
    "export": "write what select or mix kept for LLaVA or LLaMA-Factory",
    "survey": "let people choose the best of several models' answers: build, serve, import, report",
    "status": "list jobs and sweeps: what was asked, how it ended, what is missing, its size",
    "compare": "compare jobs: settings that differ, counts, scores, paired differences",
    "check": "compare files with the digests taken when they were written",
    "clean": "remove what no job refers to any more, after saying what and how much",
    "workspace": "make a W&B workspace that compares the runs of a sweep or an experiment",
    "completion": 'tab completion for a shell: eval "$(ain completion bash)"',
}


def run(words: list[str]) -> None:
    """Run the verb that is the first word."""
    guarded(importlib.import_module(f"ain.cli.{words[0]}").main, words[1:])


def guarded(main: Callable[[list[str]], None], words: list[str]) -> None:
    """Call it. Exit with one sentence for an error that the user can fix."""
    try:
        main(words)
    except KeyboardInterrupt:
        sys.exit("ain: interrupted")
    except Exception as error:
        from ain.pipeline.errors import sentence  # loads Hydra

        if (said := sentence(error)) is None:
            raise
        sys.exit(f"ain: {said}")
