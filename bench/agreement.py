"""Compare Marian models here and in transformers, and our exported model there and in CTranslate2.

    python -m bench.agreement [--sentences 40] [--exported 100] [--json FILE]

Marian folders made by transformers are opened here as they are; the bundled checkpoint is exported,
and opened by transformers and CTranslate2. Prints what was compared and the largest difference;
the exit status is 1 where one is larger than allowed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import MarianMTModel, MarianTokenizer

import core
from bench import marian_models
from core.analysis.trace.capture import capture
from core.checkpoint.marian_export import export_marian, token_order
from core.config import KINDS, SearchConfig
from core.evaluation.likelihood import likelihood_statistics
from core.model.transformer import attention_tap
from core.text.toy_grammar import sentence_pairs
from core.translator import Translator

ODD = ("", "  two   spaces ", "€ 5 漢字 ▁x", "e\u0301", "\u00a0nbsp", "ﬁ", "tab\there", "a >>de<< b",
       ">>de<<The old man.", ">>xx<< a", ">> de << a")  # fmt: skip
"""Texts whose token ids alone are compared."""
EXPORTED = "en-de"
LIMIT = 60
"""The most target pieces of a translation."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison on one model: how many, how many differ, the largest difference."""

    model: str
    what: str
    n: int
    n_different: int
    largest: float | None = None
    allowed: float | None = None

    @property
    def holds(self) -> bool:
        fits = self.allowed is None or (self.largest is not None and self.largest <= self.allowed)
        return self.n > 0 and self.n_different == 0 and fits


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--exported", type=int, default=100)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    findings = []
    for finding in _findings(chosen.sentences, chosen.exported):
        print(_line(finding), flush=True)
        findings.append(finding)
    if chosen.json:
        chosen.json.write_text(json.dumps(list(map(asdict, findings)), indent=1) + "\n")
    sys.exit(not all(finding.holds for finding in findings))


def _line(finding: Finding) -> str:
    largest = "" if finding.largest is None else f"largest difference {finding.largest:.1e}"
    if finding.allowed is not None:
        largest += f" of {finding.allowed:.0e}"
    verdict = "equal" if finding.holds else "DIFFERENT"
    same = f"{finding.n - finding.n_different} of {finding.n}"
    return f"{verdict:10}{finding.model:28}{finding.what:36}{same:12}{largest}"


def _findings(n_sentences: int, n_exported: int) -> Iterator[Finding]:
    for case in marian_models.CASES:
        with tempfile.TemporaryDirectory() as name:
            marian_models.write(case, Path(name))
            n = n_sentences if case.n_layers < 6 else n_sentences // 8
            yield from Imported(case.name, Path(name)).compared(n)
    with tempfile.TemporaryDirectory() as name:
        yield from _exported(Path(name), n_exported)


class Imported:
    """One folder, opened here and by transformers."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.ours = core.load(folder)
        self.theirs = MarianMTModel.from_pretrained(folder).eval()
        self.theirs.set_attn_implementation("eager")
        self.tokenizer = MarianTokenizer.from_pretrained(folder)

    def compared(self, n: int) -> Iterator[Finding]:
        pairs = list(sentence_pairs(n, seed=5))
        sources = [f">>{('de', 'en')[number % 2]}<< {e}" for number, (e, _) in enumerate(pairs)]
        targets = [german for _, german in pairs]
        yield self._token_ids([*sources, *ODD], [*targets, *ODD])
        for dtype, allowed in ((torch.float32, 1e-4), (torch.float64, 1e-9)):
            self.ours.checkpoint.model.to(dtype)
            self.theirs.to(dtype)
            yield from self._tensors(sources, targets, str(dtype).removeprefix("torch."), allowed)
        self.ours.checkpoint.model.float()
        self.theirs.float()
        yield self._likelihoods(sources, targets)
        for width in (1, 4):
            yield self._translations(sources, width)

    def _token_ids(self, sources: Sequence[str], targets: Sequence[str]) -> Finding:
        vocabulary, end = self.ours.checkpoint.vocabulary, self.ours.checkpoint.config.end_id
        wrong = sum(
            self.tokenizer(text).input_ids != [*vocabulary.source.encode(text), end]
            for text in sources
        )
        wrong += sum(
            self.tokenizer(text_target=text).input_ids != [*vocabulary.target.encode(text), end]
            for text in targets
        )
        return Finding(self.name, "token ids, both sides", len(sources) + len(targets), wrong)

    def _tensors(
        self, sources: Sequence[str], targets: Sequence[str], dtype: str, allowed: float
    ) -> Iterator[Finding]:
        model, start = self.ours.checkpoint.model, self.ours.checkpoint.config.start_id
        worst = dict.fromkeys(("logits", *KINDS), 0.0)
        for source, target in zip(sources, targets, strict=True):
            ids = torch.tensor([self.tokenizer(source).input_ids])
            given = torch.tensor([[start, *self.tokenizer(text_target=target).input_ids[:-1]]])
            with torch.no_grad():
                said = self.theirs(input_ids=ids, decoder_input_ids=given, output_attentions=True)
                kept = [i for i in range(said.logits.shape[-1]) if i not in model.left_out]
                ours = model(ids, given)[..., kept]
            theirs = {
                "encoder": said.encoder_attentions,
                "decoder": said.decoder_attentions,
                "cross": said.cross_attentions,
            }
            seen = capture(model, ids, given, [attention_tap(kind, "*") for kind in KINDS])
            worst["logits"] = max(worst["logits"], _difference(ours, said.logits[..., kept]))
            for kind in KINDS:
                for layer, weights in enumerate(theirs[kind]):
                    found = _difference(seen[attention_tap(kind, layer)], weights)
                    worst[kind] = max(worst[kind], found)
        for name, largest in worst.items():
            what = f"{name}, {dtype}" if name == "logits" else f"{name} attention, {dtype}"
            n_wrong = int(largest > allowed)
            yield Finding(self.name, what, len(sources), n_wrong, largest, allowed)

    def _likelihoods(self, sources: Sequence[str], targets: Sequence[str]) -> Finding:
        vocabulary, config = self.ours.checkpoint.vocabulary, self.ours.checkpoint.config
        ours = likelihood_statistics(
            self.ours.checkpoint,
            vocabulary.source.encode_lines(sources),
            vocabulary.target.encode_lines(targets),
        )[:, 0]
        largest = 0.0
        for source, target, nll in zip(sources, targets, ours, strict=True):
            labels = torch.tensor([self.tokenizer(text_target=target).input_ids])
            given = torch.cat([torch.tensor([[config.start_id]]), labels[:, :-1]], 1)
            with torch.no_grad():
                ids = torch.tensor([self.tokenizer(source).input_ids])
                logits = self.theirs(input_ids=ids, decoder_input_ids=given).logits[0]
            if config.renormalises:
                logits[:, sorted(config.banned_ids)] = -torch.inf
            said = torch.nn.functional.cross_entropy(logits, labels[0], reduction="sum")
            largest = max(largest, abs(float(said) - float(nll)))
        return Finding(
            self.name, "likelihoods of references", len(sources), int(largest > 1e-3), largest, 1e-3
        )

    def _translations(self, sources: Sequence[str], width: int) -> Finding:
        same = range(self.ours.checkpoint.config.vocabulary_size)
        return _translations(
            self.name, self.ours, self.theirs, self.tokenizer, sources, width, same
        )


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max())


def _search(width: int) -> SearchConfig:
    """What transformers' beam search of this width does."""
    return SearchConfig(
        method="greedy" if width == 1 else "beam",
        beam_size=width,
        length_penalty="power",
        alpha=1.0,
        max_extra_pieces=LIMIT,
        max_target_pieces=LIMIT,
    )


def _translations(
    name: str,
    ours: Translator,
    theirs: MarianMTModel,
    tokenizer: MarianTokenizer,
    sources: Sequence[str],
    width: int,
    order: Sequence[int],
) -> Finding:
    """Ids and, of a beam that ends by itself, scores.

    Where a limit forces the end, transformers counts it as certain; here it has its probability, so
    beams may then differ.

    Args:
        order: our id of each of their tokens.
    """
    n, wrong, largest = 0, 0, 0.0
    with_scores: dict[str, Any] = {"return_dict_in_generate": True, "output_scores": True}
    for source, found in zip(sources, ours.search(sources, _search(width)), strict=True):
        said = theirs.generate(
            **tokenizer(source, return_tensors="pt"), num_beams=width, do_sample=False,
            max_length=LIMIT + 2, length_penalty=1.0, early_stopping="never", **with_scores,
        )  # fmt: skip
        wanted = said.sequences[0].tolist()[1:]
        wanted = wanted[: wanted.index(tokenizer.eos_token_id)]
        if width > 1 and (found.best.is_cut or len(wanted) >= LIMIT):
            continue
        n += 1
        wrong += list(found.best.tokens) != [order[id_] for id_ in wanted]
        if width > 1:
            largest = max(largest, abs(float(said.sequences_scores[0]) - found.best.score))
    what = "greedy translations" if width == 1 else f"beam-{width} translations and scores"
    if width == 1:
        return Finding(name, what, n, wrong)
    return Finding(name, what, n, wrong, largest, 1e-4)


def _exported(folder: Path, n: int) -> Iterator[Finding]:
    """The bundled checkpoint, exported."""
    from ctranslate2 import Translator as Engine
    from ctranslate2.converters import TransformersConverter

    ours, name = core.load(EXPORTED), f"{EXPORTED}, exported"
    marian, engine = folder / "marian", folder / "ctranslate2"
    export_marian(ours.checkpoint, marian)
    theirs, tokenizer = (
        MarianMTModel.from_pretrained(marian),
        MarianTokenizer.from_pretrained(marian),
    )
    sources = [english for english, _ in sentence_pairs(n, seed=7)]
    order = token_order(ours.checkpoint.config)
    for width in (1, 4):
        yield _translations(name, ours, theirs.eval(), tokenizer, sources, width, order)
    TransformersConverter(str(marian)).convert(str(engine))
    translator = Engine(str(engine), intra_threads=1)
    names = ours.checkpoint.vocabulary.target.names
    for width in (1, 4):
        said = translator.translate_batch(
            [tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids) for text in sources],
            beam_size=width, length_penalty=1.0, patience=2, disable_unk=True,
            max_decoding_length=LIMIT,
        )  # fmt: skip
        wrong = sum(
            [names[id_] for id_ in found.best.tokens] != each.hypotheses[0]
            for found, each in zip(ours.search(sources, _search(width)), said, strict=True)
        )
        yield Finding(name, f"CTranslate2's translations, beam {width}", n, wrong)


if __name__ == "__main__":
    main()
