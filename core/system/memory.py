"""What the allocator does with memory that is freed: for trainings, and for servers."""

import ctypes
import functools
import os
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -3, -4, -8
"""Settings of glibc's allocator, by their numbers in malloc.h."""


def keep_freed_memory() -> None:
    """Let a training process re-use its memory instead of handing it back after every tensor.

    A training step frees and asks for the same megabytes hundreds of times; with glibc's defaults
    each large tensor is mapped and page-faulted anew. Without that, and with huge pages, a step on
    a CPU takes less time (docs/decisions/0002). No effect outside Linux with glibc.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch reads it at its first allocation
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TOP_PAD, 1 << 28)
    libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


@functools.cache
def return_freed_memory() -> None:
    """Let a server of many threads hand its memory back: the opposite, for long-lived processes.

    glibc gives threads heaps of their own, up to eight for each core, and after a large block was
    freed it takes others of that size from these heaps: what one request left lies between what
    others keep. With two heaps, and each block of a megabyte mapped alone, it goes back. No effect
    outside Linux with glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(M_ARENA_MAX, 2)
    libc.mallopt(M_MMAP_THRESHOLD, 1 << 20)
    libc.mallopt(M_TRIM_THRESHOLD, 1 << 24)
