"""Ranks of a distributed training: started here, one process a device, or found started by torchrun or srun.

Lightning would start them by running the command line again, which in a sweep would start the sweep again. So they are
started from outside with the very call that they are to make.
"""

import os
import select
import sys
import threading
from collections.abc import Callable
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
    """What `body(work)` gives on rank 0. Its error is raised here, as the first rank to fail met it.

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
        logs_specs=DefaultLogsSpecs(),
    )
    try:
        return elastic_launch(config, _guarded)(body, work, os.getpid())[0]
    except SignalException as error:
        raise UserError(
            f"stopped by signal {error.sigval.name}; the same command goes on from the last checkpoint"
        ) from None
    except ChildFailedError as error:
        number, failure = error.get_first_failure()
        raise _raised(number, failure.message, failure.exitcode) from None


def _guarded(body: Callable[[Work], Any], work: Work, agent: int) -> Any:
    """A person's mistake is marked, so that it can be told from a bug on the other side."""
    _end_with(agent)
    try:
        return body(work)
    except UserError as error:
        sys.stderr.flush()
        raise RuntimeError(f"{_MARK}{error}{_MARK}") from None


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


def _raised(number: int, message: Any, exitcode: int) -> Exception:
    text = message["message"] if isinstance(message, dict) else str(message)
    trace = message["extraInfo"]["py_callstack"] if isinstance(message, dict) else text
    if _MARK in text:
        return UserError(text.split(_MARK)[1])
    if exitcode < 0:
        return UserError(
            f"rank {number} was killed by signal {-exitcode} (9 is often: out of memory); the same command goes on"
        )
    return RuntimeError(f"rank {number} failed:\n{trace}")
