"""A worker that does not see a folder, or not the same file, is named before any work."""

import pytest

from core.system.executor import HereExecutor
from core.system.shared_folder import require_shared


class Elsewhere(HereExecutor):
    """A worker on another machine, for which each path lies below a folder of its own."""

    def __init__(self, root=None, *, can_write=True):
        self.root, self.can_write = root, can_write

    def elsewhere(self, function, /, *arguments):
        if function.__name__ == "access":
            return {"tcp://far": self.can_write}
        (paths,) = arguments
        if self.root is None:
            return {"tcp://far": function(paths)}
        moved = function([f"{self.root}{path}" for path in paths])
        return {"tcp://far": dict(zip(paths, moved.values(), strict=True))}


def test_what_all_see_is_fine_and_leaves_nothing_behind(tmp_path):
    text = tmp_path / "text"
    text.write_text("a")
    require_shared(Elsewhere(), tmp_path / "made", [text])
    assert list((tmp_path / "made").iterdir()) == []


def test_a_folder_that_a_worker_has_not_is_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"the worker tcp://far does not see the same .*/made/\.seen-by-"
    ):
        require_shared(Elsewhere(tmp_path / "far"), tmp_path / "made")


def test_a_file_that_a_worker_has_otherwise_is_named(tmp_path):
    text = tmp_path / "text"
    text.write_text("a")

    class Older(Elsewhere):
        def elsewhere(self, function, /, *arguments):
            [(worker, found)] = super().elsewhere(function, *arguments).items()
            if isinstance(found, dict):
                found[str(text)] = "another"
            return {worker: found}

    with pytest.raises(ValueError, match=rf"does not see the same {text}; it must lie on a disk"):
        require_shared(Older(), tmp_path, [text])


def test_a_folder_where_a_worker_cannot_write_is_named(tmp_path):
    with pytest.raises(ValueError, match=f"tcp://far cannot write in {tmp_path}"):
        require_shared(Elsewhere(can_write=False), tmp_path)


def test_processes_of_this_machine_are_not_asked(tmp_path):
    require_shared(HereExecutor(), tmp_path / "made", [tmp_path / "nowhere"])
