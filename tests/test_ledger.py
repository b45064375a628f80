"""The ledger: a committed answer is never lost, even if a process dies or others write at the same time."""

import multiprocessing
import os
import signal
from pathlib import Path

from ain.storage.ledger import Ledger, key


def test_keys_tell_types_and_order_apart() -> None:
    assert len({key(1), key(1.0), key("1"), key(True), key([1]), key(1, 2), key(2, 1), key("12"), key("1", "2")}) == 9


def test_the_first_answer_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.put([("a", "one")])
    ledger.put([("a", "two"), ("b", "نعم")])
    assert (ledger.get("a"), ledger.get("b"), ledger.get("c")) == ("one", "نعم", None)


def _write_and_die(path: Path) -> None:
    ledger = Ledger(path)
    ledger.put([("a", "one")])
    ledger._database.execute("BEGIN IMMEDIATE")
    ledger._database.execute("INSERT INTO answers (key, answer) VALUES ('b', 'half')")
    os.kill(os.getpid(), signal.SIGKILL)


def _write_many(path: Path, name: str) -> None:
    ledger = Ledger(path)
    for i in range(50):
        ledger.put([(f"{name}{i}", str(i))])


def test_a_kill_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    process = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (Ledger(path).get("a"), Ledger(path).get("b")) == ("one", None)


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(path, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    ledger = Ledger(path)
    assert all(ledger.get(f"{name}{i}") == str(i) for name in "ab" for i in range(50))
