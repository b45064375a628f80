"""Run `ain` in processes forked from one that has imported its libraries, which saves ten seconds a command.

Everything else is as on the command line: a process, its arguments, environment, output and exit status of its own.
"""

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from ain.pipeline.stages import STAGES
from ain.runtime.paths import ROOT

Result = subprocess.CompletedProcess[str]

_READ_AT_IMPORT = ("HF_", "OMP_")  # environment variables that need a process of their own
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [
        "aiohttp",
        "datasets",
        "openai",
        "pytorch_lightning",
        "sentence_transformers",
        "transformers.models.marian.modeling_marian",
        "transformers.models.qwen2_vl.modeling_qwen2_vl",
        "ain.cli.main",
        "ain.pipeline.runner",
        "composed",
        "deepspeed",
        "wandb.sdk.launch",  # which every run of W&B imports
        *sorted({stage.module for stage in STAGES.values()}),
    ]
)


class Command:
    """One command that was started. change: called in its process first, to damage something there on purpose."""

    def __init__(
        self,
        *words: str,
        cwd: Path = ROOT,
        env: dict[str, str] | None = None,
        change: Callable[[], None] | None = None,
    ) -> None:
        self.words = words
        self._outputs = [Path(tempfile.mkstemp(prefix="ain-test-")[1]) for _ in range(2)]
        environment = {**os.environ, **(env or {})}
        arguments = (words, cwd, environment, self._outputs, change)
        self.process = _forks.Process(target=_main, args=arguments)
        self.process.start()

    def kill_after(self, seconds: float) -> bool:
        """Return whether the command still ran, and was killed."""
        self.process.join(seconds)
        alive = self.process.is_alive()
        self.process.kill()
        self.wait()
        return alive

    def wait(self, seconds: float = 600) -> Result:
        """Return the result. Raises TimeoutExpired if the command has not ended by then."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired(self.words, seconds)
        out, errors = (path.read_text(encoding="utf-8") for path in self._outputs)
        for path in self._outputs:
            path.unlink(missing_ok=True)
        return subprocess.CompletedProcess(self.words, self.process.exitcode, out, errors)


def ain(
    *words: str, cwd: Path = ROOT, env: dict[str, str] | None = None, change: Callable[[], None] | None = None
) -> Result:
    if any(name.startswith(_READ_AT_IMPORT) for name in env or {}):
        return subprocess.run(
            [sys.executable, "-m", "ain", *words],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            check=False,
            timeout=600,
        )
    return Command(*words, cwd=cwd, env=env, change=change).wait()


def _main(
    words: list[str], cwd: Path, env: dict[str, str], outputs: list[Path], change: Callable[[], None] | None
) -> None:
    from wandb.sdk.data_types._private import MEDIA_TMP

    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for descriptor, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    sys.argv = ["ain", *words]
    if change:
        change()
    MEDIA_TMP._finalizer.detach()  # else the first process to end deletes this directory for all others
    MEDIA_TMP.__init__("wandb-media")  # type: ignore[misc]
    from ain.__main__ import main

    try:
        main()
    finally:  # as any process ends: threads first, so that a pool can still tell its workers to end
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
