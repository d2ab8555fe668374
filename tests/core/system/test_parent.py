"""What a worker does when torchrun, which started it, is killed."""

import subprocess
import sys
import time

import pytest

from core.system.parent import LOOKS_EVERY_S
from tests.core.helpers import ENVIRONMENT, ROOT
from tests.core.system.test_executor import is_running, wait_until

LAUNCHER = """
import subprocess, sys
command = [sys.executable, "-m", "core", "translate", "--checkpoint", "checkpoints/en-de"]
print(subprocess.Popen(command).pid, flush=True)
input()
"""


@pytest.mark.parametrize("is_torchrun", [True, False])
def test_a_command_ends_with_the_torchrun_that_started_it_and_with_nobody_else(is_torchrun):
    """It is killed while the command still begins; the command would read as long as it can."""
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER],
        cwd=ROOT,
        env={**ENVIRONMENT, **({"TORCHELASTIC_RUN_ID": "1"} if is_torchrun else {})},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout
    worker = int(launcher.stdout.readline())
    time.sleep(0.3)
    launcher.kill()
    if is_torchrun:
        wait_until(lambda: not is_running(worker))
    else:
        time.sleep(3 * LOOKS_EVERY_S)
        assert is_running(worker)
    _, said = launcher.communicate(timeout=30)  # closes what the command reads
    assert ("torchrun, which started this worker, is gone" in said) == is_torchrun
