"""Where heavy work is done: in processes of this machine, or on the workers of a Dask cluster. joblib speaks to both."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, parallel_config

from triage.errors import UsageError
from triage.orphans import end_with


@dataclass(frozen=True, slots=True)
class Backend:
    """Does joblib's delayed calls and gives what they return, in their order."""

    jobs: int | None = 2  # processes of this machine; None: whatever the surrounding parallel_config says

    def each(self, tasks: Sequence[Any]) -> Iterator[Any]:
        """The results as they become ready, in the order of the tasks."""
        # Processes of this machine end with the one they work for, also where that is killed.
        ours = {"initializer": end_with, "initargs": (os.getpid(),)} if self.jobs not in {None, 1} else {}
        yield from Parallel(n_jobs=self.jobs, return_as="generator", **ours)(tasks)


#: Two processes of this machine.
LOCAL = Backend()


@contextmanager
def chosen(name: str, scheduler: str = "", jobs: int = 2) -> Iterator[Backend]:
    """The backend that a command names: "local", or "dask" with the address of its scheduler ("" for workers of our own).

    Raises:
        UsageError: another name, no Dask here, or a scheduler that does not answer.
    """
    if name == "local":
        yield Backend(jobs)
        return
    if name != "dask":
        raise UsageError(f'--backend: "{name}" is not known; use local or dask')
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UsageError("--backend dask needs the extra: pip install 'triage[dask]'") from error
    own = None if scheduler else LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
    try:
        client = Client(own or scheduler, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(f"--scheduler: {scheduler} does not answer; start one: dask scheduler") from error
    try:
        with parallel_config(backend="dask"):
            yield Backend(None)
    finally:
        client.close()
        if own is not None:
            own.close()
