"""What several test files share: a vocabulary, a small model, laws on random input."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from core.model import Transformer
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from tests.core.helpers import small_config, small_model

settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("searching", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

torch.set_num_threads(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of whole pages are marked so; those that need a CUDA device run wherever there is one."""
    for item in items:
        if "open_page" in getattr(item, "fixturenames", ()):
            item.add_marker("app")
    if torch.cuda.is_available():
        return
    left_out = [item for item in items if item.get_closest_marker("gpu")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No test reads or writes what the user's own runs have kept."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["ATTENTION_EXPLORER_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def tokenizer() -> JointVocabulary:
    """A vocabulary learnt from the project's own grammar."""
    lines = [line for pair in sentence_pairs(500) for line in pair]
    return JointVocabulary.learn(lines, 397)


@pytest.fixture(scope="session")
def model() -> Transformer:
    """Every dimension another number, float64, evaluation mode; whoever changes it copies it first."""
    return small_model(small_config())
