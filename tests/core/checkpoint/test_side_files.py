"""What stands beside a model may be missing or bad: what can be used is, and the rest is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.checkpoint.card import with_results
from core.checkpoint.required import CheckpointError
from core.checkpoint.side_files import (
    MOST_FIELDS,
    read_history,
    read_metrics,
    read_side_files,
    require_whole,
)
from tests.core.helpers import small_config
from tests.damage import damages

CONFIG = small_config()
RESULT = {
    "bleu": 30.0, "bleu_lc": 31.0, "chrf": 55.5, "perplexity": 4.5, "sentences": 900,
    "intervals_95": {"bleu": [29.0, 31.0], "bleu_lc": [30.0, 32.0], "chrf": [54.0, 56.0]},
    "signatures": {"bleu": "case:mixed"},
}  # fmt: skip
METRICS = {
    "languages": ["English", "German"],
    "pieces_not_in_training": {"source": [0, 1], "target": [2]},
    "results": {"test": RESULT},
    "final": {"results": {"test": RESULT}},
    "alignment": {
        "layer": 3, "head": 5, "rows": "consumed", "alignment_error_rate": 0.3, "n_sentences": 7,
        "data": "gold",
    },
    "hardware": "an abacus",
}  # fmt: skip


def written(folder: Path, metrics: Any) -> Path:
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def test_a_folder_without_them_says_nothing(tmp_path: Path) -> None:
    found = read_side_files(tmp_path, CONFIG)
    assert (found.metrics, found.history, found.card, found.notices) == ({}, (), "", ())


def test_whole_ones_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text('{"step": 1}\n{"step": 2}\n')
    (tmp_path / "card.md").write_text("# Straße\n", "utf-8")
    found = read_side_files(written(tmp_path, METRICS), CONFIG)
    assert found.metrics == METRICS
    assert found.history == ({"step": 1}, {"step": 2})
    assert (found.card, found.notices) == ("# Straße\n", ())


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[]", b"3", b"[" * 100_000])
def test_metrics_that_are_no_object_are_left_out_and_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.json").write_bytes(content)
    found = read_side_files(tmp_path, CONFIG)
    assert found.metrics == {}
    (notice,) = found.notices
    assert notice.startswith(f"{tmp_path / 'metrics.json'} cannot be used: it ")
    assert notice.endswith("; it is left out")
    with pytest.raises(CheckpointError):
        read_metrics(tmp_path)  # whoever would write it anew must not lose what it holds


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("results", [], "results must be an object, not []; results is left out"),
        ("results", {"a": 3}, "results.a must be an object, not 3; results is left out"),
        ("results", {"a": {**RESULT, "bleu": "x"}}, "results.a.bleu must be a finite number, not 'x'"),
        ("pieces_not_in_training", None, "pieces_not_in_training must be an object, not None"),
        ("languages", ["English"], "languages must be a list of 2, not ['English']"),
        ("alignment", {**METRICS["alignment"], "layer": 4}, "alignment.layer must be from 1 to 3, not 4"),
        ("alignment", {**METRICS["alignment"], "head": 0}, "alignment.head must be from 1 to 5, not 0"),
    ],
)  # fmt: skip
def test_an_entry_of_another_shape_is_left_out_alone(
    tmp_path: Path, entry: str, value: Any, message: str
) -> None:
    found = read_side_files(written(tmp_path, {**METRICS, entry: value}), CONFIG)
    assert found.metrics == {name: of for name, of in METRICS.items() if name != entry}
    (notice,) = found.notices
    assert message in notice
    assert notice.startswith("metrics.json cannot be read completely: ")


def test_what_would_be_lost_is_not_written_anew(tmp_path: Path) -> None:
    require_whole(tmp_path, CONFIG)
    require_whole(written(tmp_path, METRICS), CONFIG)
    written(tmp_path, {**METRICS, "results": []})
    with pytest.raises(
        CheckpointError,
        match=rf"^{tmp_path}/metrics\.json cannot be read completely: results must be .*; repair",
    ):
        require_whole(tmp_path, CONFIG)
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(CheckpointError, match="it is not JSON"):
        require_whole(tmp_path, CONFIG)
    (tmp_path / "metrics.json").unlink()
    (tmp_path / "card.md").write_bytes(b"\xff")
    with pytest.raises(CheckpointError, match=r"card\.md cannot be used: it is not UTF-8"):
        require_whole(tmp_path, CONFIG)


def test_whatever_metrics_hold_a_card_can_be_written_from_what_is_left(tmp_path: Path) -> None:
    for where, damaged in damages(json.loads(json.dumps(METRICS))):
        found = read_side_files(written(tmp_path, damaged), CONFIG)
        assert len(found.notices) <= 1, where
        with_results("", found.metrics)


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    whole = '{"step": 1}\n{"step": 2}'
    for n_bytes in range(len(whole) + 1):
        file.write_text(whole[:n_bytes])
        steps = [report["step"] for report in read_history(file)]
        assert steps == [1, 2][: (n_bytes >= len('{"step": 1}')) + (n_bytes == len(whole))]


def test_no_history_is_an_empty_one(tmp_path: Path) -> None:
    assert list(read_history(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"st', "line 2: it is not JSON"), ("[]", "line 2: it is not a JSON object"),
        ("[" * 100_000, "line 2: it is nested too deeply"),
        (json.dumps({f"bleu_{n}": n for n in range(MOST_FIELDS)}), "line 2: the reports have more than"),
    ],
)  # fmt: skip
def test_a_bad_line_inside_a_history_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text(f'{{"step": 1}}\n{line}\n{{"step": 3}}\n')
    with pytest.raises(CheckpointError, match=rf"^{file}, {message}"):
        list(read_history(file))
    found = read_side_files(tmp_path, CONFIG)
    assert found.history == ()
    assert len(found.notices) == 1


def test_fields_are_counted_over_all_lines(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_text("".join(json.dumps({f"a{n}": n}) + "\n" for n in range(MOST_FIELDS + 2)))
    with pytest.raises(
        CheckpointError, match=rf"line {MOST_FIELDS + 1}: the reports have more than 200"
    ):
        list(read_history(file))


def test_a_history_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    with file.open("wb") as opened:
        opened.truncate(10**12)  # a hole: no disk holds so much
    with pytest.raises(CheckpointError, match=r"cannot be used: it has 1,000,000,000,000 bytes"):
        list(read_history(file))
