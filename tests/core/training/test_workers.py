"""Workers that share a training: who meets where, before anything is exchanged."""

import socket
from datetime import timedelta

import pytest
import torch
from torch import distributed
from torch.distributed import HashStore

from core.training.workers import Workers, workers


@pytest.fixture
def calls(monkeypatch):
    """The second of two workers on a machine with GPUs, and what it asks of torch, in order."""
    made = []
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: made.append(str(device)))
    store = HashStore()
    monkeypatch.setattr(
        "core.training.workers.rendezvous", lambda url, timeout: iter([(store, 1, 2)])
    )
    monkeypatch.setattr(
        distributed,
        "init_process_group",
        lambda backend, store, rank, world_size, timeout: made.append((backend, timeout)),
    )
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: made.append("left"))
    return made


def test_a_worker_takes_its_gpu_before_it_meets_the_others(calls):
    """Else the first barrier of all workers falls on the first GPU."""
    with workers("auto") as group:
        assert (group.rank, group.world_size, group.device) == (1, 2, torch.device("cuda", 1))
    gpu, (backend, _), left = calls
    assert (gpu, backend, left) == ("cuda:1", "nccl", "left")


def test_workers_that_train_on_the_cpu_meet_there_whatever_else_there_is(calls):
    with workers("cpu") as group:
        assert group.device == torch.device("cpu")
    (backend, _), left = calls
    assert (backend, left) == ("gloo", "left")


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_the_others_wait_as_long_as_preparing_the_texts_may_take(calls, device):
    with workers(device):
        pass
    (timeout,) = (call[1] for call in calls if isinstance(call, tuple))
    assert timeout >= timedelta(hours=12)


def test_a_device_that_is_not_there_is_named_before_anybody_is_waited_for(calls, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"^device='cuda' is not available here"), workers("cuda"):
        pass
    assert calls == []


def test_alone_a_worker_is_first_sums_what_it_has_and_shares_it(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with workers() as group:
        assert group == Workers()
        assert group.is_first
        assert group.sum(1.5, 2) == [1.5, 2]
        assert group.from_first("mine") == "mine"
        group.wait()


def test_all_workers_take_what_the_first_one_has(monkeypatch):
    sent = []

    def broadcast(values, device):
        sent.append(list(values))
        values[0] = "the first one's"

    monkeypatch.setattr(distributed, "broadcast_object_list", broadcast)
    for rank in (0, 1):
        assert Workers(rank, world_size=2).from_first(f"of {rank}") == "the first one's"
    assert sent == [["of 0"], [None]]


def at(port, monkeypatch):
    """The environment of one of two workers that meet at a launcher's port."""
    given = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    for name, value in {**given, "TORCHELASTIC_USE_AGENT_STORE": "True"}.items():
        monkeypatch.setenv(name, value)


def test_a_launcher_that_is_gone_before_the_workers_meet_is_not_waited_for(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    at(port, monkeypatch)
    monkeypatch.setattr("core.training.workers.LAUNCHER_ANSWERS", timedelta(seconds=1))
    said = f"^no answer from 127.0.0.1:{port}, .* within 1 s;"
    with pytest.raises(ValueError, match=said), workers():
        pass
