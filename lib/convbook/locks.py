"""A lock between processes; who waits for it is told for whom."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PATIENCE = 2.0  # seconds of waiting without a word


@contextmanager
def locked(path: Path, purpose: str) -> Iterator[None]:
    """Keep other processes out of what stands within; ``path`` is the lock's file.

    After two seconds of waiting, a line says which process holds the lock, and its ``purpose``.

    Raises:
        OSError: the lock's file cannot be written.
    """
    lock, holder = FileLock(path), path.with_suffix(".holder")
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        print(f"Waiting for {_named_in(holder)}, which is {purpose} …")
        lock.acquire()
    try:
        with suppress(OSError):  # without room for its name it is another process
            holder.write_text(f"process {os.getpid()} on {platform.node()}", "utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


def _named_in(holder: Path) -> str:
    try:
        return holder.read_text("utf-8") or "another process"
    except OSError:  # released in this moment
        return "another process"
