"""`lens`: BLEU of every depth, stored and printed."""

from pathlib import Path

import pytest

from core.analysis.lens.decoder_lens import lens_translations
from core.analysis.lens.results import LENS, LensScores, read_lens_scores
from core.cli import main
from core.config import SearchConfig
from core.evaluation.bootstrap import bleu_statistics, chrf_statistics, corpus_score
from core.text.toy_grammar import sentence_pairs
from tests.checkpoints import write_checkpoint


def test_every_depth_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = write_checkpoint(tmp_path / "tiny")
    pairs = list(sentence_pairs(6))
    for side, lines in zip(("en", "de"), zip(*pairs, strict=True), strict=True):
        (tmp_path / f"a.{side}").write_text("\n".join(lines), "utf-8")
    main([
        "lens", "--checkpoint", str(tmp_path / "tiny"), "--source", str(tmp_path / "a.en"),
        "--reference", str(tmp_path / "a.de"), "--most-sentences", "4", "--max-extra-pieces", "3",
    ])  # fmt: skip
    printed = capsys.readouterr().out
    found = read_lens_scores(tmp_path / "tiny")
    assert found
    assert (found.text, found.n_sentences, len(found.bleu)) == ("a", 4, 3)
    search = SearchConfig(method="greedy", max_extra_pieces=3)
    sources, references = (list(side) for side in zip(*pairs[:4], strict=True))
    for depth in range(3):
        made = lens_translations(checkpoint.model, checkpoint.vocabulary, sources, depth, search)
        bleu = corpus_score("bleu", bleu_statistics(made, references, lowercase=False))
        assert found.bleu[depth].value == pytest.approx(bleu, abs=1e-5)
        chrf = corpus_score("chrf", chrf_statistics(made, references))
        assert found.chrf[depth].value == pytest.approx(chrf, abs=1e-5)
        low, high = found.chrf[depth].interval_95
        assert f"{chrf:.1f} [{low:.1f}, {high:.1f}]" in printed
    assert (tmp_path / "tiny" / LENS).exists()
    values = {**found.to_json(), "chrf": []}
    with pytest.raises(ValueError, match="bleu and chrf must have one entry for each depth"):
        LensScores.from_json(values)
