"""Ranks of a distributed training: started here, one process a device, or found started by torchrun or srun.

Lightning would start them by running the command line again, which in a sweep would start the sweep again. So they are
started from outside with the very call that they are to make.
"""

import json
import os
import select
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ain import UserError

Work = TypeVar("Work")


def world_size() -> int:
    """Ranks that were started from outside; 1 where none were."""
    _from_slurm()
    return int(os.environ.get("WORLD_SIZE", 1))


def rank() -> int:
    _from_slurm()
    return int(os.environ.get("RANK", 0))


def _from_slurm() -> None:
    """srun numbers its tasks in names of its own. A batch script's own process, which starts them, is no rank."""
    here = os.environ
    tasks = here.get("SLURM_STEP_NUM_TASKS", "1")
    if "RANK" in here or tasks == "1":
        return
    if "MASTER_ADDR" not in here:
        raise UserError("under srun, MASTER_ADDR is to name the first node; docs/cluster/train.sbatch shows how")
    here.setdefault("MASTER_PORT", str(20_000 + int(here["SLURM_JOB_ID"]) % 20_000))
    here |= {"WORLD_SIZE": tasks, "RANK": here["SLURM_PROCID"], "LOCAL_RANK": here["SLURM_LOCALID"]}
    here["GROUP_RANK"] = here.get("SLURM_NODEID", "0")


def run(body: Callable[[Work], Any], work: Work, devices: int, num_nodes: int) -> Any:
    """What `body(work)` gives on rank 0. Where a rank fails, its error is raised here.

    Started from outside, this process is one rank among others and calls the body itself.
    """
    wanted = devices * num_nodes
    if wanted != world_size() and world_size() > 1:
        raise UserError(
            f"{world_size()} ranks were started, but trainer.devices={devices} and trainer.num_nodes={num_nodes} "
            f"make {wanted}"
        )
    if wanted == world_size():
        return body(work)
    if num_nodes > 1:
        raise UserError(
            f"trainer.num_nodes={num_nodes}: start the ranks with srun or torchrun; docs/cluster/train.sbatch shows how"
        )
    return _start(body, work, devices)


def _start(body: Callable[[Work], Any], work: Work, devices: int) -> Any:
    """One process a device by torch's elastic agent, which is what torchrun is: it ends all when one fails.

    They are forked from a process that has the libraries loaded and has done nothing else.
    """
    import multiprocessing

    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    multiprocessing.set_forkserver_preload([body.__module__])
    with tempfile.TemporaryDirectory(prefix="ain-ranks-") as logs, _own_signals():
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=devices,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            monitor_interval=0.2,
            start_method="forkserver",
            run_id="ain",
            logs_specs=DefaultLogsSpecs(log_dir=logs),
        )
        try:
            return elastic_launch(config, _guarded)(body, work, os.getpid())[0]
        except SignalException:
            raise KeyboardInterrupt from None
        except ChildFailedError as error:
            raise _blamed(error.failures) from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """The agent leaves its handlers behind; what was there before comes back."""
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = {kind: signal.getsignal(kind) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _guarded(body: Callable[[Work], Any], work: Work, agent: int) -> Any:
    """Says when a rank failed and whether a person can help it: the others fail in its wake."""
    _end_with(agent)
    try:
        return body(work)
    except Exception as error:
        said = str(error) if isinstance(error, UserError) else traceback.format_exc()
        note = json.dumps([isinstance(error, UserError), time.time(), said])
        raise RuntimeError(f"{_MARK}{note}{_MARK}") from None


def _end_with(agent: int) -> None:
    """No rank goes on when the process that started them is gone, however that ended."""
    if not hasattr(os, "pidfd_open"):  # Linux alone has it
        return
    gone = os.pidfd_open(agent)

    def wait() -> None:
        select.select([gone], [], [])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


_MARK = "\x1f"


def _blamed(failures: dict[int, Any]) -> Exception:
    """The error to show: what a person did, else a rank that was killed, else the first that failed."""
    notes = {}
    for number, failure in failures.items():
        text = failure.message["message"] if isinstance(failure.message, dict) else str(failure.message)
        if _MARK in text:
            notes[number] = json.loads(text.split(_MARK)[1])
    for by_person, _, said in notes.values():
        if by_person:
            return UserError(said)
    for number, failure in failures.items():
        if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
            why = " (9 is often: out of memory)" if failure.exitcode == -9 else ""
            return UserError(f"rank {number} was killed by signal {-failure.exitcode}{why}; the same command goes on")
    if notes:
        number = min(notes, key=lambda one: notes[one][1])
        return RuntimeError(f"rank {number} failed:\n{notes[number][2]}")
    return RuntimeError(f"ranks {sorted(failures)} failed without a word")
