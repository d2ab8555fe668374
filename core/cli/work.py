"""Where a command's tasks run: options that several commands share."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from core.system.executor import WorkExecutor, work_executor


@dataclass(frozen=True, kw_only=True)
class Work:
    """Where the tasks run; docs/scale.md says more."""

    jobs: int = 1
    """How many processes of this machine do the work, each in one thread."""
    scheduler: str | None = None
    """The address of a dask scheduler, such as tcp://10.0.0.5:8786: its workers do the work."""

    def executor(self, *, is_apart: bool = False) -> AbstractContextManager[WorkExecutor]:
        """See `work_executor`."""
        return work_executor(self.jobs, self.scheduler, is_apart=is_apart)
