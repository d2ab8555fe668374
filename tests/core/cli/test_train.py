"""The command `train`: which steps of a training it keeps."""

import pytest
import tyro

from core.cli.train import TYRO_CONFIG, Train

WORDS = ["--source", "a.en", "--target", "a.de", "--output", "out", "--preset", "base"]


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ((), (3, 10, 30, 90, 270)),
        (("--early-snapshots", "2"), (90, 270)),
        (("--early-snapshots", "0"), ()),
        (("--keep-steps", "7", "9"), (7, 9)),
    ],
)
def test_early_snapshots_are_spread_over_the_training_unless_named(more, kept):
    words = [*WORDS, "--n-steps", "810", *more]
    command = tyro.cli(Train, args=words, config=TYRO_CONFIG)
    assert command._settings(None, None, words).keep_steps == kept


def test_fewer_than_no_snapshots_are_refused():
    words = [*WORDS, "--early-snapshots", "-1"]
    with pytest.raises(ValueError, match=r"^early_snapshots=-1 must be at least 0"):
        tyro.cli(Train, args=words, config=TYRO_CONFIG).execute(words)


def test_none_is_a_number_of_snapshots(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [*WORDS, "--early-snapshots", "0"]
    with pytest.raises((ValueError, OSError), match=r"a\.en"):  # which is not there
        tyro.cli(Train, args=words, config=TYRO_CONFIG).execute(words)
