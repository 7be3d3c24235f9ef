"""A Ray cluster (https://docs.ray.io) that computes the parts of a job in processes on several hosts."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from shelfmind.errors import UserError, argument
from shelfmind.machine.cores import limit_cores
from shelfmind.machine.dispatch import Dispatch, WorkerLost
from shelfmind.machine.hosts import found_versions, host_name, own_versions, require_same_versions
from shelfmind.machine.packages import installed, require
from shelfmind.machine.ray_connection import FOR_MINDSPORE, connect, own_signals
from shelfmind.nouns import counted
from shelfmind.progress import Note

K = TypeVar("K")
T = TypeVar("T")
R = TypeVar("R")
Make = Callable[[], Callable[[T], R]]
"""Called once in each worker; returns the function of a task. It is sent there, so it is a function of a module or a
`functools.partial` of one."""
PATIENCE_S = 30.0
"""If nothing arrives for this time after a worker was asked for, a note says what the job waits for."""


@dataclass(frozen=True)
class Cluster:
    """A connection to a cluster: its workers have the same versions as this process, and `cores` cores each."""

    workers: int
    cores: int
    note: Note

    def map(
        self, make: Make[T, R], tasks: Iterable[tuple[K, T]], describe: Callable[[T], str]
    ) -> Iterator[tuple[K, R]]:
        """The result of each task with its key, as soon as it arrives; tasks are fetched as workers need them.

        A dead worker is replaced and its tasks are computed again. `describe` names a task in messages.

        Raises:
            UserError: a worker raised one.
            LostProcessError: several workers died while computing the same task, or at the start.
        """
        crew = _RayCrew(make, self.cores, self.note)
        return Dispatch[K, T, R](crew, self.workers, tasks, self.note, describe).results()


@contextmanager
def joined(address: str | None, workers: int | None, note: Note) -> Iterator[Cluster | None]:
    """A connection to the cluster at `address`, or None without one.

    The address is ``auto`` for the cluster that this machine is part of, ``host:port``, or ``local`` to start one on
    this machine that ends with the context. If the calling program has connected to Ray already, that cluster is used,
    and the connection is kept. `workers` is the number of processes, by default one per host.

    Raises:
        UserError: Ray is not installed, there is no cluster, it is too small, or a host has other versions.
    """
    if address is None:
        yield None
        return
    require("ray")
    if installed("mindspore"):
        os.environ.update(FOR_MINDSPORE)
    import ray

    if ray.is_initialized():  # by the program that calls this as a library
        yield _checked(workers, note)
        return
    with own_signals():
        connect(address)
    try:
        yield _checked(workers, note)
    finally:
        ray.shutdown()


def share_of_cores(per_host: Sequence[int], workers: int) -> int:
    """The most cores that each of `workers` processes can have on hosts with these numbers of cores; 0 if too many."""
    wanted = range(max(per_host, default=0), 0, -1)
    return next((cores for cores in wanted if sum(each // cores for each in per_host) >= workers), 0)


class Worker:
    """One process of a cluster."""

    def prepare(self, make: Make[Any, Any], cores: int, folder: str, versions: Mapping[str, str | None]) -> str:
        """Get ready to compute, as if started in `folder`; returns the name of the host."""
        require_same_versions(host_name(), own_versions(), versions)
        limit_cores(cores)
        with suppress(OSError):  # not there: whatever is missing is reported when it is needed
            os.chdir(folder)
        try:
            self.function = make()
        except ModuleNotFoundError as error:
            raise UserError(
                f"{host_name()} lacks the package {error.name}; install the same packages on all hosts of the cluster"
            ) from error
        return host_name()

    def compute(self, task: Any) -> Any:
        """The result of a task."""
        return self.function(task)


class _RayCrew:
    """The processes of one job on the cluster that this process is connected to."""

    def __init__(self, make: Make[Any, Any], cores: int, note: Note) -> None:
        import ray

        self.ray, self.cores, self.note = ray, cores, note
        self.kind = ray.remote(
            num_cpus=cores,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": FOR_MINDSPORE if "mindspore" in sys.modules else {}},  # a new process, in a second
        )(Worker)
        self.given = make, cores, os.getcwd(), own_versions()

    def start(self) -> Any:
        self.silent = True
        return self.kind.remote()

    def prepare(self, worker: Any) -> Any:
        return worker.prepare.remote(*self.given)

    def compute(self, worker: Any, task: Any) -> Any:
        return worker.compute.remote(task)

    def wait(self, references: list[Any]) -> Any:
        while True:
            ready, _ = self.ray.wait(references, num_returns=1, timeout=PATIENCE_S)
            if ready:
                self.silent = False
                return ready[0]
            if self.silent:
                self.silent = False
                free, there = (int(each().get("CPU", 0)) for each in (self.ray.available_resources, self._resources))
                self.note(
                    f"waiting for the Ray cluster to start a worker, which needs {counted(self.cores, 'CPU')}; "
                    f"{free} of {there} CPUs are free"
                )

    def _resources(self) -> Mapping[str, float]:
        found: Mapping[str, float] = self.ray.cluster_resources()
        return found

    def outcome(self, reference: Any) -> Any:
        errors = self.ray.exceptions
        try:
            return self.ray.get(reference)
        except errors.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None
            raise
        except errors.RayError as error:
            raise WorkerLost(_reason(error)) from error

    def stop(self, worker: Any) -> None:
        if self.ray.is_initialized():  # otherwise it has ended with the connection
            self.ray.kill(worker)


def _checked(workers: int | None, note: Note) -> Cluster:
    """The cluster that this process is connected to. Raises `UserError` if it cannot be used."""
    import ray

    hosts = {
        str(node["NodeID"]): node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
    }
    per_host = [int(node["Resources"]["CPU"]) for node in hosts.values()]
    number = workers or max(1, len(hosts))
    cores = share_of_cores(per_host, number)
    if not cores:
        raise UserError(
            f"the Ray cluster has {counted(sum(per_host), 'CPU')}, too few for {counted(number, 'worker')}; "
            + ("lower " + argument("workers") if per_host else "add hosts with `ray start --address=HOST:PORT`")
        )
    own = own_versions()
    for host, versions in _versions_on(hosts, list(own)):
        require_same_versions(host, versions, own)
    return Cluster(number, cores, note)


def _versions_on(
    hosts: Mapping[str, Mapping[str, Any]], packages: list[str]
) -> Iterator[tuple[str, dict[str, str | None]]]:
    """The versions of packages of each host, with its name."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    probe = ray.remote(num_cpus=0, max_retries=1)(found_versions())
    asked = [
        probe.options(scheduling_strategy=NodeAffinitySchedulingStrategy(key, soft=False)).remote(packages)
        for key in hosts
    ]
    for node, reference in zip(hosts.values(), asked, strict=True):
        name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        try:
            yield name, ray.get(reference)
        except ray.exceptions.RayError as error:
            raise UserError(f"the host {name} of the Ray cluster cannot run Python: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The part of Ray's long message that says what happened."""
    text = str(error)
    if "Worker unexpectedly exits" in text:
        return "its process was killed, ran out of memory or crashed"
    detail = re.search("Worker exit detail: (.+?)(?: Some common causes|$)", text)
    found = detail or re.search("(The actor is dead.+)", text)
    said = found[1] if found else (text.splitlines() or [type(error).__name__])[0]
    return said.strip().rstrip(".")[:300]
