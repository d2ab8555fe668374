"""Memory that is freed: kept in trainings, given back by servers."""

import platform

import pytest

from tests.core.helpers import run_python


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="until other mallocs are told too")
@pytest.mark.parametrize("is_kept", [True, False])
def test_freed_memory_stays_with_the_process(is_kept):
    """malloc's settings are a process's own, so this one is asked in another process."""
    run_python(
        """
        import os
        import sys
        from pathlib import Path
        import torch
        from core.system.memory import keep_freed_memory

        def resident_bytes():
            n_pages = int(Path("/proc/self/statm").read_text().split()[1])
            return n_pages * os.sysconf("SC_PAGE_SIZE")

        is_kept = sys.argv[1] == "True"
        if is_kept:
            keep_freed_memory()
        before, n_bytes = resident_bytes(), 1 << 26
        tensor = torch.ones(n_bytes // 4)
        assert resident_bytes() - before > 0.9 * n_bytes
        del tensor
        assert (resident_bytes() - before > 0.9 * n_bytes) == is_kept
        """,
        str(is_kept),
    )


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="until other mallocs are told too")
@pytest.mark.parametrize("is_returned", [True, False])
def test_what_requests_leave_between_kept_blocks_goes_back(is_returned):
    """Blocks of 1.5 MB, every second one of which is freed, after a larger one was."""
    run_python(
        """
        import os
        import sys
        from pathlib import Path
        import torch
        from core.system.memory import return_freed_memory

        def resident_bytes():
            n_pages = int(Path("/proc/self/statm").read_text().split()[1])
            return n_pages * os.sysconf("SC_PAGE_SIZE")

        is_returned = sys.argv[1] == "True"
        if is_returned:
            return_freed_memory()
        torch.ones(1 << 22)  # 16 MB, freed: from now on glibc's default keeps smaller ones in its heap
        blocks = [torch.ones(3 << 17) for _ in range(100)]
        full = resident_bytes()
        del blocks[::2]
        freed = full - resident_bytes()
        assert (freed > 0.9 * 50 * (3 << 19)) == is_returned, freed
        """,
        str(is_returned),
    )
