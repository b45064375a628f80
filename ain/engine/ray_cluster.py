"""Spread blocks over a Ray cluster: each of `workers` actors has a copy of the part and loads its model once."""

import socket
from collections.abc import Iterable, Iterator
from typing import Any

from ain import UserError
from ain.runtime.paths import install_hint


class Ray:
    """address: of a running cluster, `auto` to find it, null to start one on this machine. num_gpus: per worker."""

    def __init__(self, workers: int = 2, address: str | None = None, num_cpus: float = 1, num_gpus: float = 0) -> None:
        self.workers, self.address = workers, address
        self.num_cpus, self.num_gpus = num_cpus, num_gpus

    def map(self, part: Any, method: str, blocks: Iterable[Any]) -> Iterator[Any]:
        """Yield results in the order of the blocks. At most two blocks per worker are in flight, to limit memory."""
        ray = self._connected()
        self._room(ray.cluster_resources())
        actor = ray.remote(num_cpus=self.num_cpus, num_gpus=self.num_gpus)(_Worker)
        pool = ray.util.ActorPool([actor.remote(part) for _ in range(self.workers)])
        waiting = 0
        for block in blocks:
            if waiting == 2 * self.workers:
                yield pool.get_next()
                waiting -= 1
            pool.submit(lambda worker, block: worker.work.remote(method, block), block)
            waiting += 1
        while pool.has_next():
            yield pool.get_next()

    spread = map

    def _room(self, resources: dict[str, float]) -> None:
        """Raise UserError if the cluster cannot hold the workers: Ray would wait for them forever."""
        for name, wanted in (("CPU", self.num_cpus * self.workers), ("GPU", self.num_gpus * self.workers)):
            if wanted > resources.get(name, 0):
                raise UserError(
                    f"engine.workers={self.workers}: they want {wanted:g} {name}s and the cluster has "
                    f"{resources.get(name, 0):g}; lower engine.workers, engine.num_cpus or engine.num_gpus"
                )

    def _connected(self) -> Any:
        try:
            import ray
        except ImportError:
            raise UserError(f"engine=ray: Ray is not installed; {install_hint('ray')}, or set engine=local") from None
        if not ray.is_initialized():
            try:
                _reach(self.address)
                ray.init(address=self.address, log_to_driver=False, include_dashboard=False, configure_logging=False)
            except OSError as error:
                raise UserError(f"engine.address={self.address}: no Ray cluster answers there ({error})") from None
        return ray


def _reach(address: str | None) -> None:
    """Try the address for 10 seconds; Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


class _Worker:
    def __init__(self, part: Any) -> None:
        self.part = part

    def work(self, method: str, block: Any) -> Any:
        return getattr(self.part, method)(block)
