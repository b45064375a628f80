"""Train several of the tiny checkpoints before a job needs them, side by side, each on one core.

They are so small that one gains little from more cores, but a machine with two trains two in the time of one. Nothing
depends on it: a checkpoint that is not made here is trained by the stage that needs it, which also says what went wrong.
"""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from ain.engine.processes import end_with_parent
from ain.miniature.recipe import STEPS, Recipe
from ain.runtime.distributed import cores
from ain.runtime.progress import count_into, progress

LOOK_S = 0.5  # seconds between two looks at the steps that were made
WORTH = 200  # steps together; fewer take less time than the processes need to start


def train_ahead(recipes: Sequence[Recipe], directory: Path) -> None:
    """Train the checkpoints that do not exist, in as many processes as there are cores, those that take longest first.

    A single one, or a few steps in all, are left to the stages that need them.
    """
    from ain.miniature.checkpoints import exists

    order = list(STEPS)
    missing = {recipe for recipe in recipes if not exists(recipe, directory)}
    waiting = sorted(missing, key=lambda recipe: (order.index(recipe.name), recipe.identity()), reverse=True)
    if min(len(waiting), cores(1)) < 2 or sum(recipe.steps for recipe in waiting) < WORTH:
        return
    multiprocessing.set_forkserver_preload(
        ["ain.miniature.checkpoints", "transformers.models.qwen2_vl.modeling_qwen2_vl"]
    )
    context = multiprocessing.get_context("forkserver")
    steps = context.Value("q")
    running: list[BaseProcess] = []
    with progress("miniature", total=sum(recipe.steps for recipe in waiting), unit="step") as bar:
        try:
            while waiting or running:
                while waiting and len(running) < cores(1):
                    running.append(context.Process(target=_train, args=(waiting.pop(), directory, steps), daemon=True))
                    running[-1].start()
                wait([process.sentinel for process in running], timeout=LOOK_S)
                running = [process for process in running if process.is_alive()]
                bar.update(steps.value - bar.n)
        finally:
            for process in running:
                process.kill()


def _train(recipe: Recipe, directory: Path, steps: Any) -> None:
    """Train one checkpoint in a process of its own, which ends with the one that started it."""
    from ain.miniature.checkpoints import trained

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the main one ends the others
    end_with_parent()
    count_into(steps)
    try:
        trained(recipe, directory)
    except Exception:  # of any kind: the stage that needs the checkpoint meets it again, where it is reported
        os._exit(1)
