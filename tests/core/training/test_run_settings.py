"""A run goes on with what it began with: texts, vocabulary, model and settings."""

import json
import os
import re

import pytest
import torch

from core.config import TrainConfig
from core.text.parallel import ParallelFiles
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from core.training.run_folder import RunFolder
from core.training.run_settings import agree_with_earlier, settings_of_run, with_precision
from core.training.texts import keep_vocabulary, text_hashes, vocabulary
from tests.core.helpers import small_config

CPU = torch.device("cpu")
SETTINGS = TrainConfig(n_steps=30, precision="float32")
TEXTS = {"training": "1", "validation": "2", "vocabulary": "3", "start": ""}


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return folder


def begin(run, texts=TEXTS, **changes):
    agree_with_earlier(run, small_config(), SETTINGS.replace(**changes), texts)


def saved_at(run, step):
    (run.folder / "latest").write_text(f"step-{step:07d}\n")


def files(folder, n_pairs=300, seed=1, name="train"):
    """A parallel text of the project's own grammar."""
    pairs = list(sentence_pairs(n_pairs, seed))
    paths = [folder / f"{name}.{language}" for language in ("en", "de")]
    for side, path in enumerate(paths):
        path.write_text("".join(pair[side] + "\n" for pair in pairs), "utf-8")
    return ParallelFiles((paths[0],), (paths[1],))


def test_the_same_again_is_agreed_to(run):
    begin(run)
    first = settings_of_run(run)
    begin(run)
    assert settings_of_run(run) == first
    assert first["texts"] == TEXTS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training", "the text of --source and --target is another"),
        ("validation", "the text of --validation-source and --validation-target is another"),
        ("vocabulary", "the vocabulary in sentencepiece.model is another"),
        ("start", "the model of --start-from is another"),
    ],
)
def test_another_text_is_refused(run, text, message):
    begin(run)
    with pytest.raises(
        ValueError,
        match=rf"^{run.folder} holds a run with other settings \({message}\); repeat its "
        "command to go on with it, or name another --run-folder$",
    ):
        begin(run, {**TEXTS, text: "4"})
    assert settings_of_run(run)["texts"] == TEXTS


def test_other_settings_are_refused_unless_they_change_nothing_that_is_computed(run):
    begin(run)
    begin(run, n_steps=40, patience=3)
    with pytest.raises(ValueError, match=r"\(seed was 1, is 2\)"):
        begin(run, seed=2)


def test_a_run_that_does_not_say_on_which_texts_goes_on_with_these(run):
    begin(run)
    file = run.folder / "config.json"
    values = json.loads(file.read_text())
    del values["texts"]
    file.write_text(json.dumps(values))
    begin(run, {**TEXTS, "training": "4"})
    with pytest.raises(ValueError, match="the text of --source and --target is another"):
        begin(run)


def test_an_end_that_lies_behind_is_refused(run):
    begin(run)
    saved_at(run, 20)
    begin(run, n_steps=20)
    with pytest.raises(
        ValueError,
        match=rf"^n_steps=19, but the run in {run.folder} is already at step 20; give at least",
    ):
        begin(run, n_steps=19)
    assert settings_of_run(run)["training"]["n_steps"] == 20


def test_texts_are_known_by_content_and_validation_texts_by_name_too(run, tmp_path):
    text = files(tmp_path)
    keep_vocabulary(run, text, given=None, size=400)
    hashes = text_hashes(run, text, [])
    (tmp_path / "moved").mkdir()
    moved = files(tmp_path / "moved")
    assert text_hashes(run, moved, []) == hashes
    assert text_hashes(run, text, [moved]) == text_hashes(run, text, [text])
    for other in (
        text_hashes(run, files(tmp_path, seed=2, name="other"), []),
        text_hashes(run, text, [text]),
        text_hashes(run, text, [files(tmp_path, name="same text")]),
    ):
        assert other != hashes
        hashes = other


def test_a_run_that_has_begun_keeps_its_vocabulary(run, tmp_path):
    text, other = files(tmp_path), files(tmp_path, seed=2, name="other")
    keep_vocabulary(run, text, given=None, size=400)
    begin(run)
    model = vocabulary(run).model
    keep_vocabulary(run, other, given=None, size=None)
    given = tmp_path / "given.model"
    given.write_bytes(
        JointVocabulary.learn(text.lines(), 400, n_threads=(os.cpu_count() or 1) + 1).model
    )
    assert given.read_bytes() != model  # it tells how it was learnt; the pieces are the same
    keep_vocabulary(run, text, given=given, size=400)
    assert vocabulary(run).model == model
    kept = re.escape(str(run.folder / "sentencepiece.model"))
    with pytest.raises(ValueError, match=rf"^{kept} has 400 pieces, but --vocabulary-size asks"):
        keep_vocabulary(run, text, given=None, size=401)
    given.write_bytes(JointVocabulary.learn(other.lines(), 400).model)
    with pytest.raises(
        ValueError, match=rf"^{kept} is another vocabulary than --vocabulary {given}"
    ):
        keep_vocabulary(run, text, given=given, size=None)
    assert vocabulary(run).model == model


def test_before_a_run_begins_its_vocabulary_follows_the_command(run, tmp_path):
    """One that ended at a mistake must not leave its vocabulary to the next."""
    keep_vocabulary(run, files(tmp_path), given=None, size=400)
    other = files(tmp_path, seed=2, name="other")
    keep_vocabulary(run, other, given=None, size=390)
    assert vocabulary(run).names == JointVocabulary.learn(other.lines(), 390).names


def test_a_given_vocabulary_has_the_size_that_is_asked_for(run, tmp_path):
    text, given = files(tmp_path), tmp_path / "given.model"
    given.write_bytes(JointVocabulary.learn(text.lines(), 400).model)
    with pytest.raises(ValueError, match=rf"^{given} has 400 pieces, but --vocabulary-size asks"):
        keep_vocabulary(run, text, given=given, size=500)


@pytest.mark.parametrize("n_pairs", [1, 200])
def test_a_size_that_nobody_chose_is_what_the_text_allows(run, tmp_path, n_pairs):
    paths = tmp_path / "same.en", tmp_path / "same.de"
    for path, line in zip(paths, ("A dog.", "Ein Hund."), strict=True):
        path.write_text(f"{line}\n" * n_pairs, "utf-8")
    same = ParallelFiles((paths[0],), (paths[1],))
    keep_vocabulary(run, same, given=None, size=None)
    n_pieces = len(vocabulary(run).names)
    assert 260 < n_pieces < 300
    with pytest.raises(ValueError, match=rf"vocabulary_size=1000 .*: at most {n_pieces} here$"):
        keep_vocabulary(run, same, given=None, size=1000)


@pytest.mark.parametrize("first", ["float32", "bfloat16"])
def test_a_precision_is_chosen_once(run, monkeypatch, first):
    settings = SETTINGS.replace(precision="auto")
    monkeypatch.setattr("core.system.device.choose_dtype", lambda *_: getattr(torch, first))
    chosen = with_precision(run, settings, CPU)
    assert chosen.precision == first
    agree_with_earlier(run, small_config(), chosen, TEXTS)
    monkeypatch.setattr("core.system.device.choose_dtype", lambda *_: torch.float64)
    assert with_precision(run, settings, CPU).precision == first
    assert with_precision(run, SETTINGS, CPU).precision == SETTINGS.precision
