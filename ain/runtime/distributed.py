"""Start the ranks of distributed training, one process per device, or join those that torchrun or srun has started.

Lightning would start them by running the command line again, which in a sweep would start the sweep again. So we start
them ourselves, with the function that they are to call.
"""

import json
import logging
import os
import re
import select
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ain import UserError

Work = TypeVar("Work")


def world_size() -> int:
    """Return the number of ranks that torchrun or srun has started, or 1."""
    _from_slurm()
    return int(os.environ.get("WORLD_SIZE", 1))


def rank() -> int:
    _from_slurm()
    return int(os.environ.get("RANK", 0))


def _from_slurm() -> None:
    """Copy srun's task numbers to torch's variables. The batch script's process, which starts the tasks, is no rank."""
    here = os.environ
    tasks = here.get("SLURM_STEP_NUM_TASKS", "1")
    if "RANK" in here or tasks == "1":
        return
    if "MASTER_ADDR" not in here:
        raise UserError("under srun, MASTER_ADDR is to name the first node; docs/cluster/train.sbatch shows how")
    here.setdefault("MASTER_PORT", str(20_000 + int(here["SLURM_JOB_ID"]) % 20_000))
    here |= {"WORLD_SIZE": tasks, "RANK": here["SLURM_PROCID"], "LOCAL_RANK": here["SLURM_LOCALID"]}
    here["GROUP_RANK"] = here.get("SLURM_NODEID", "0")


def gathered(value: Work) -> list[Work]:
    """Return the values of all ranks, ordered by rank. Every rank must call this."""
    import torch.distributed as dist

    if not dist.is_available() or not dist.is_initialized():
        return [value]
    every: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(every, value)
    return every


def on_first_rank(key: str, work: Callable[[], Work]) -> Work:
    """Return what `work()` returns on rank 0, as JSON holds it: no other rank does the work. Every rank must call this
    with the same key; no process group is needed yet. A UserError is raised on all ranks."""
    if world_size() == 1 or "MASTER_ADDR" not in os.environ:
        return work()
    store, read_by_all = _store(), f"{key}: read by all"
    if rank() > 0:
        said = json.loads(store.get(key))
        if store.add(f"{key}: readers", 1) == world_size() - 1:
            store.set(read_by_all, "")
    else:
        said = _outcome(work)
        store.set(key, json.dumps(said))
        store.get(read_by_all)  # this rank may keep the store, so it must not end before
    if "error" in said:
        raise UserError(said["error"])
    return said["made"]  # type: ignore[no-any-return]


def _outcome(work: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"made": work()}
    except UserError as error:
        return {"error": str(error)}


@cache
def _store() -> Any:
    """Return the store that torchrun keeps for its ranks; under srun, rank 0 keeps it, as torch itself does later."""
    from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

    held = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        is_master=rank() == 0 and not held,
        timeout=timedelta(hours=1),  # for listing millions of files
        multi_tenant=True,  # torch opens the same port again
        wait_for_workers=False,
    )
    return PrefixStore("ain", store)


def cores(devices: int) -> int:
    """Return the number of CPU cores for each rank of this machine. srun has already divided them."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return here if os.environ.get("SLURM_STEP_NUM_TASKS", "1") != "1" else here // devices


def run(body: Callable[[Work], Any], work: Work, devices: int, num_nodes: int, libraries: Sequence[str] = ()) -> Any:
    """Return what `body(work)` returns on rank 0. If a rank fails, raise its error here. libraries: modules to load
    once for all ranks.

    If torchrun or srun has started the ranks, this process is one of them and calls the body itself.
    """
    check(devices, num_nodes)
    return body(work) if world_size() == devices * num_nodes else _start(body, work, devices, libraries)


def check(devices: int, num_nodes: int) -> None:
    """Raise UserError for ranks that cannot be started from here, or whose number differs from the settings."""
    wanted, started = devices * num_nodes, world_size()
    if started not in (1, wanted):
        raise UserError(
            f"{started} ranks were started, but trainer.devices={devices} and trainer.num_nodes={num_nodes} make {wanted}"
        )
    if started != wanted and num_nodes > 1:
        raise UserError(
            f"trainer.num_nodes={num_nodes}: start the ranks with srun or torchrun; docs/cluster/train.sbatch shows how"
        )


def _start(body: Callable[[Work], Any], work: Work, devices: int, libraries: Sequence[str]) -> Any:
    """Start one process per device with torch's elastic agent, as torchrun does. It ends all of them when one fails.

    Without GPUs they fork from a process that has only loaded the libraries. With GPUs each starts from scratch
    (spawn), because a process that has used CUDA cannot be forked.
    """
    import multiprocessing

    import torch
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.ERROR)  # we report failures ourselves
    multiprocessing.set_forkserver_preload([body.__module__, *libraries])
    with tempfile.TemporaryDirectory(prefix="ain-ranks-") as logs, _own_signals():
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=devices,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            monitor_interval=0.2,
            start_method="spawn" if torch.cuda.device_count() else "forkserver",
            run_id="ain",
            local_addr="localhost",
            logs_specs=DefaultLogsSpecs(log_dir=logs),
        )
        try:
            return elastic_launch(config, _guarded)(body, work, os.getpid(), logs)[0]
        except SignalException:
            raise KeyboardInterrupt from None
        except ChildFailedError as error:
            codes = {number: failure.exitcode for number, failure in error.failures.items()}
            raise _blamed(codes, _notes(Path(logs))) from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """Restore the signal handlers that the agent replaces and leaves behind."""
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = {kind: signal.getsignal(kind) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _guarded(body: Callable[[Work], Any], work: Work, agent: int, notes: str) -> Any:
    """Call the body. If it fails, note when and why, and whether the user can correct it: other ranks will fail too."""
    _end_with(agent)
    try:
        return body(work)
    except Exception as error:
        said = str(error) if isinstance(error, UserError) else traceback.format_exc()
        note = {"rank": rank(), "at": time.time(), "by_person": isinstance(error, UserError), "said": said}
        (Path(notes) / f"rank-{rank()}.json").write_text(json.dumps(note), encoding="utf-8")
        raise SystemExit(1) from None


def _end_with(agent: int) -> None:
    """End this rank when the process that started it is gone, however that ended."""
    if not hasattr(os, "pidfd_open"):  # only Linux has it
        return
    gone = os.pidfd_open(agent)

    def wait() -> None:
        select.select([gone], [], [])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _notes(directory: Path) -> list[dict[str, Any]]:
    """Return the notes of all ranks that failed by themselves, in the order in which they failed."""
    notes = [json.loads(path.read_text(encoding="utf-8")) for path in directory.glob("rank-*.json")]
    return sorted(notes, key=lambda note: note["at"])


def _blamed(codes: dict[int, int], notes: list[dict[str, Any]]) -> Exception:
    """Return the error to show: the user's mistake, else a rank that was killed, else the first that failed. codes:
    exit code by rank."""
    for note in notes:
        if note["by_person"]:
            return UserError(note["said"])
    for number, code in codes.items():
        if code < 0 and code != -signal.SIGTERM:
            why = " (9 is often: out of memory)" if code == -9 else ""
            return UserError(f"rank {number} was killed by signal {-code}{why}; run the same command to resume")
    if not notes:
        return RuntimeError(f"ranks {sorted(codes)} exited without an error message")
    first = notes[0]
    lost = re.search(r"connection (was )?(closed|reset)|broken pipe", first["said"], re.I)
    wake = "\nIt lost another rank, which may have been killed: often for want of memory." if lost else ""
    return RuntimeError(f"rank {first['rank']} failed:\n{first['said']}{wake}")
