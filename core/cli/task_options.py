"""Where a command's tasks run: options that several commands share."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from core.system.executor import WorkExecutor, require_jobs, work_executor


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """Where the tasks run; docs/scale.md says more."""

    jobs: int = 1
    """How many processes of this machine do the work, each in one thread."""
    scheduler: str | None = None
    """The address of a dask scheduler, such as tcp://10.0.0.5:8786: its workers do the work."""

    def check(self) -> None:
        """Raises ValueError if they make no sense, before anything is read."""
        require_jobs(self.jobs, self.scheduler)

    def executor(self, *, is_apart: bool = False) -> AbstractContextManager[WorkExecutor]:
        """See `work_executor`."""
        return work_executor(self.jobs, self.scheduler, is_apart=is_apart)
