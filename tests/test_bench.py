"""What `make bench` stands on: pairs of rounds, the same function in each toolkit, a true report."""

import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from bench import growth, layout, pictures, training_step
from bench.__main__ import RESULTS
from bench.comparison import Report, markdown
from bench.torch_transformer import Twin
from bench.workers import LONG_ENOUGH_S, Round, Worker, in_turn
from core.model import build
from tests.core.helpers import randomised

ROOT = Path(__file__).parents[1]
ACTS = "tests.bench_acts"
PEERS = ("transformers", "ctranslate2", "bertviz")


def rounds(*seconds: float) -> list[Round]:
    return [Round(each, None) for each in seconds]


def test_a_ratio_is_the_median_over_pairs_of_rounds() -> None:
    report = Report(figures={"date": "today"})
    times = {"ours": rounds(1.0, 2.0, 4.0), "peer": rounds(3.0, 2.0, 8.0)}
    report.compare("part", "case", times, "ours", {"peer": None}, n_tokens=100)
    report.compare("part", "case", times, "ours", {"peer": None})
    tokens, time = report.rows
    assert (tokens.ratio, tokens.ratio_range, tokens.n_rounds) == (2.0, (1.0, 3.0), 3)
    assert (tokens.our_value, tokens.peer_value, tokens.unit) == (50.0, 100 / 3, "tokens/s")
    assert (time.our_value, time.peer_value, time.unit) == (2_000.0, 3_000.0, "ms")


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        (None, ""),
        (1.0, "1, met"),
        (2.0, "2, undecided"),
        (3.0, "3, undecided"),
        (3.5, "3.5, missed"),
    ],
)
def test_a_target_is_met_or_missed_only_where_all_rounds_agree(target, verdict) -> None:
    report = Report()
    times = {"ours": rounds(1.0, 2.0, 4.0), "peer": rounds(3.0, 2.0, 8.0)}
    report.compare("part", "case", times, "ours", {"peer": target})
    assert report.rows[0].verdict == verdict


def test_two_rounds_decide_nothing() -> None:
    report = Report()
    times = {"ours": rounds(1.0, 1.0), "peer": rounds(5.0, 5.0)}
    report.compare("part", "case", times, "ours", {"peer": 2.0})
    assert report.rows[0].verdict == "2, undecided"


def test_each_toolkit_takes_its_fastest_variant_and_one_without_any_is_left_out() -> None:
    trial = {
        "ours, float32": rounds(2.0),
        "ours, bfloat16": rounds(1.0),
        "transformers Marian eager, float32": rounds(3.0),
        "transformers Marian sdpa, float32": rounds(2.5),
    }
    assert training_step._best(trial) == {
        "ours": "ours, bfloat16",
        "transformers Marian": "transformers Marian sdpa, float32",
    }


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = Report(remarks=["not timed"], figures={"date": "today"})
    times = {"ours": rounds(1.0), "peer": rounds(3.0)}
    for size, target in (("quarter-base", None), ("tiny", 2.0), ("quarter-base", 2.5)):
        report.compare("part", f"{size}, greedy", times, "ours", {"peer": target})
    file = tmp_path / "results.json"
    file.write_text(json.dumps(report.as_json()))
    again = Report.read(file)
    assert again.as_json() == json.loads(file.read_text())
    assert markdown(again) == markdown(report)
    assert "not timed" in markdown(report)
    _, _, _, _, *rows = markdown(report, short=True).splitlines()
    assert [row.split(" | ")[0] for row in rows] == ["| quarter-base, greedy"]
    assert rows[0].endswith("| 2.5, undecided |")


def test_workers_alternate_repeat_what_is_short_and_end_early() -> None:
    with Worker(ACTS, "sleeping") as quick, Worker(ACTS, "sleeping") as slow:
        assert quick.make(seconds=0.05) > 1
        slow.make(seconds=LONG_ENOUGH_S)
        first = in_turn({"quick": quick, "slow": slow}, n_rounds=4, enough_s=0)
    assert {name: len(own) for name, own in first.items()} == {"quick": 3, "slow": 3}
    for each in first["quick"]:
        assert 0.05 <= each.wall_s < 0.2  # of one act, not of all that a round repeats
    assert [each.result for each in first["slow"]] == [2, 3, 4]


def test_a_worker_that_fails_says_who_it_was() -> None:
    with (
        pytest.raises(RuntimeError, match=r"tests\.bench_acts broken ended with exit code 1"),
        Worker(ACTS, "broken") as worker,
    ):
        worker.make()


def test_torchs_own_transformer_with_our_weights_is_the_same_function() -> None:
    torch.manual_seed(1)
    model = randomised(build(layout.config("toy"))).double().eval()
    theirs = Twin(model, p_dropout=0.1).double().eval()
    source, target, n_tokens = training_step.batch(3)
    real = target[:, 1:] != model.config.pad_id
    assert n_tokens == int((source != model.config.pad_id).sum() + real.sum())
    with torch.no_grad():
        ours = model(source, target[:, :-1])
    assert_close(theirs(source, target[:, :-1])[real], ours[real], rtol=0, atol=1e-9)


def test_a_grown_layer_leaves_the_stream_nearly_as_it_is() -> None:
    torch.manual_seed(1)
    deep = layout.SIZES["tiny"].n_layers
    whole = build(layout.config("tiny"))
    shallow = build(
        layout.dataclasses.replace(whole.config, n_encoder_layers=2, n_decoder_layers=2)
    ).eval()
    grown = layout._grown(shallow, whole).eval()
    assert len(grown.decoder.layers) == deep > 2
    source, target, _ = training_step.batch(2)
    with torch.no_grad():
        before, after = shallow(source, target), grown(source, target)
    agreement = torch.cosine_similarity(before.flatten(), after.flatten(), dim=0)
    assert 0.9 < agreement < 1


def test_marians_numbers_are_our_pieces() -> None:
    pieces = pictures.MarianPieces(layout.VOCABULARY.read_bytes())
    text = pictures.sentence()
    assert len(text.split()) == pictures.N_WORDS
    ids = pieces.encode(text)
    assert pieces.read(ids).text == text
    assert [pieces.names[each] for each in ids] == [piece.name for piece in pieces.read(ids).pieces]
    assert len(pieces.names) == layout.vocabulary_size()
    assert min(ids) >= layout.FIRST
    own = layout.tokenizer()
    unwritable = {own.names[each] for each in own.unwritable}
    assert unwritable
    assert {pieces.names[each] for each in pieces.unwritable} == unwritable


def test_growth_asks_for_sentences_of_exactly_a_length() -> None:
    for length, batch in ((8, 3), (512, 2)):
        assert [len(each) for each in growth.sources(length, batch)] == [length] * batch


@pytest.mark.parametrize(("file", "short"), [("README.md", True), ("docs/speed.md", False)])
def test_the_documents_show_the_results_that_are_stored(file: str, short: bool) -> None:
    report = Report.read(ROOT / RESULTS)
    before, after = (ROOT / file).read_text("utf-8").split("\n\n<!-- bench: begin -->\n")
    assert after.split("\n<!-- bench: end -->")[0] == markdown(report, short=short)
    machine, said = report.figures["machine"], before.rsplit("\n\n", 1)[-1]
    for fact in (report.figures["date"], *(machine[key] for key in ("processor", *PEERS))):
        assert str(fact) in said
