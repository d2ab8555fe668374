"""The translation in words, on every page about a sentence: whole, glossed, with its warnings."""

from collections.abc import Sequence
from dataclasses import replace

from core.analysis.ablation import Ablation
from core.analysis.ablation.places import is_blind
from core.analysis.heads.best import BestHead
from core.analysis.heads.word_attention import AlignedWord, aligned_words
from core.analysis.trace.trace import Trace
from core.analysis.trace.warnings import warnings_of
from core.text.word_diff import bare, word_diff
from explorer.choice.choice import Run
from explorer.choice.page_context import PageContext
from explorer.components.words import component
from explorer.components.words.component import TargetWord, Translation
from explorer.engine.checkpoints import languages
from explorer.figures.invisible import visible


def draw_in_words(shown: PageContext) -> None:
    """Draw the sentence and its translation, and say what is unusual about them."""
    draw_translations(shown, [translation(shown)], warnings_of(shown.trace))


def draw_translations(
    shown: PageContext,
    translations: Sequence[Translation],
    warnings: Sequence[str] = (),
    *,
    key: str = "in_words",
    has_source: bool = True,
) -> None:
    """Draw translations of the sentence on screen, one below the other."""
    source_words = [visible(word.text) for word in shown.trace.source.words]
    source = (languages(shown.folder)[0], source_words)
    component.words(
        component.words_payload(source if has_source else None, translations, warnings), key=key
    )


def translation(shown: PageContext) -> Translation:
    """The translation on screen."""
    trace, run = shown.trace, shown.choice.run
    words = target_words(trace, followed(shown.best, run))
    return Translation(languages(shown.folder)[1], words, trace.target.text)


def translation_beside(name: str, trace: Trace, first: Trace, best: BestHead | None) -> Translation:
    """Another translation of the sentence, with the words marked that the first one has not.

    Args:
        best: the head that links its words; see `followed`.
    """
    words = list(target_words(trace, best))
    runs = [
        run for run in word_diff(first.target.text, trace.target.text) if run.change != "removed"
    ]
    marks = [run.change == "added" for run in runs for _ in run.text.split()]
    if len(marks) == len(words):
        words = [replace(word, is_changed=mark) for word, mark in zip(words, marks, strict=True)]
    return Translation(name, words, trace.target.text, is_first=False)


def followed(best: BestHead, run: Run) -> BestHead | None:
    """The head that links words; None if the ablation leaves its weights without effect."""
    return None if is_blind(Ablation.parse(run.ablation), best.place) else best


def gloss(trace: Trace, word: AlignedWord) -> str:
    """The source word that a word is linked to, without the punctuation beside it."""
    return visible(bare(trace.source.words[word.source_word].text))


def target_words(trace: Trace, best: BestHead | None) -> Sequence[TargetWord]:
    """The words of a translation, each linked to the source word that the head attends to most."""
    if best is None:
        return [TargetWord(visible(word.text)) for word in trace.target.words]
    return [
        TargetWord(
            visible(word.text),
            gloss=gloss(trace, word),
            source_word=word.source_word,
            probability=word.probability,
        )
        for word in aligned_words(trace, best.place, rows=best.rows)
    ]
