"""Where the blocks of a build are built: in this process, in processes of this machine, or on a cluster.

Each engine takes the blocks that are missing and yields once for each that is finished. Stopped half-way, by a fault or
by Ctrl-C, it leaves the finished blocks in the staging folder.

The cluster is any running `dask.distributed <https://distributed.dask.org>`_ cluster. Its workers need this package in
the same version, and the staging folder under the same path, on a file system that they share with the machine that
builds; machines that share none build parts (`agroflux_data.parts`). A block is the work of one thread and takes up to
a gigabyte of memory, so a worker should be a process with one thread. By default its nanny makes the allocator hand
each freed array back to the system, only to ask for it again; better, on the machine of the workers::

    export DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON='{"MALLOC_TRIM_THRESHOLD_": 1073741824,
        "MALLOC_MMAP_THRESHOLD_": 1073741824, "MALLOC_ARENA_MAX": 1, "OMP_NUM_THREADS": 1}'
    dask worker tcp://HOST:PORT --nworkers 8 --nthreads 1

Tasks carry the secret of a sealed release: use a cluster whose network and users you trust.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import re
import threading
import uuid
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from agroflux_data.blocks import Job, build_block
from agroflux_data.errors import AgrofluxError
from agroflux_data.staging import Staging

__all__ = ["NANNY", "cluster", "die_with_parent", "processes"]

NANNY = {
    "MALLOC_TRIM_THRESHOLD_": 1 << 30,
    "MALLOC_MMAP_THRESHOLD_": 1 << 30,
    "MALLOC_ARENA_MAX": 1,
    "OMP_NUM_THREADS": 1,
}
"""What ``distributed.nanny.pre-spawn-environ`` should be where workers build blocks."""


def processes(jobs: Sequence[Job], staging: Staging, workers: int) -> Generator[None]:
    """Build blocks in processes of this machine, or in this very process where one is enough.

    Raises
    ------
    AgrofluxError
        A process was killed, as by a system that ran out of memory.
    """
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            build_block(job, staging)
            yield
        return
    # Forking a process that has pyarrow's threads can hang, so workers start afresh.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=die_with_parent) as pool:
        running = [pool.submit(build_block, job, staging) for job in jobs]
        try:
            for future in as_completed(running):
                future.result()
                yield
        except BrokenProcessPool:
            raise AgrofluxError(
                "a process that built a block was killed", expected="memory for every process at once",
                came=f"{workers} processes; finished blocks are kept, fewer --workers may do",
            ) from None  # fmt: skip
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def die_with_parent() -> None:
    """End this process when the one that started it is gone: a killed build must not leave others at work."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def cluster(jobs: Sequence[Job], staging: Staging, scheduler: str) -> Generator[None]:
    """Build blocks on a dask.distributed cluster; those of a worker that is lost go to another.

    Parameters
    ----------
    jobs : sequence of Job
    staging : Staging
        On a file system that the workers share.
    scheduler : str
        Address of its scheduler, ``tcp://HOST:PORT``.

    Raises
    ------
    AgrofluxError
        dask.distributed is not installed; no scheduler answers, or it is lost; a worker does not see the staging
        folder or lacks this package; a block brought several workers down.
    """

    def build_there(task: bytes) -> None:
        # dask's own unpickling ends a worker that lacks this package, without a word to us; here it is an error.
        function, *arguments = pickle.loads(task)
        function(*arguments)

    try:
        import distributed
        from distributed.utils import silence_logging_cmgr
    except ImportError:
        raise AgrofluxError(
            "dask.distributed is not installed", expected="pip install 'agroflux[distributed]'"
        ) from None
    if not re.fullmatch(r"\w+://\S+:\d+", scheduler):
        raise AgrofluxError("not the address of a dask scheduler", expected="tcp://HOST:PORT", came=scheduler)
    try:
        client = distributed.Client(scheduler, set_as_default=False)
    except OSError:
        raise AgrofluxError(
            "no dask scheduler answers", expected="tcp://HOST:PORT of a running one", came=scheduler
        ) from None
    # What the client logs of a lost connection is said by the error.
    with silence_logging_cmgr(logging.CRITICAL), client:
        build = uuid.uuid4().hex
        submitted = [
            client.submit(build_there, pickle.dumps((build_block, job, staging)), key=f"agroflux-{job.name}-{build}")
            for job in jobs
        ]
        finished = distributed.as_completed(submitted, loop=client.loop)
        del submitted  # while a future is kept, what a lost worker has finished is sent to another one
        try:
            for future in finished:
                future.result()
                future.release()
                yield
        except distributed.KilledWorker as error:
            raise AgrofluxError(
                "a block brought one worker after the other down", expected="more memory for each worker",
                came=str(error), where=scheduler,
            ) from None  # fmt: skip
        except ImportError as error:
            raise AgrofluxError(
                "a worker lacks a package", expected="agroflux and what its sources need, installed for every worker",
                came=str(error), where=scheduler,
            ) from None  # fmt: skip
        except CancelledError as error:
            raise AgrofluxError(
                "the scheduler was lost", expected="one that runs for as long as the build; build again to go on",
                came=str(error).partition("\n")[0], where=scheduler,
            ) from None  # fmt: skip
