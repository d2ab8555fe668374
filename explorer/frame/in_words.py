"""The translation in words, on every page about a sentence: whole, glossed, with its warnings."""

from collections.abc import Sequence

from core.analysis.ablation import Ablation
from core.analysis.ablation.places import is_blind
from core.analysis.heads.best import BestHead
from core.analysis.heads.word_attention import aligned_words
from core.analysis.trace.trace import Trace
from core.analysis.trace.warnings import warnings_of
from explorer.choice.choice import Run
from explorer.choice.page_context import PageContext
from explorer.components.words import component
from explorer.components.words.component import TargetWord
from explorer.engine.checkpoints import languages
from explorer.figures.invisible import visible


def draw_in_words(shown: PageContext) -> None:
    """Draw the sentence and its translation, and say what is unusual about them."""
    trace = shown.trace
    component.words(
        component.words_payload(
            [visible(word.text) for word in trace.source.words],
            target_words(trace, followed(shown.best, shown.choice.run)),
            languages=languages(shown.folder),
            text=trace.target.text,
            warnings=warnings_of(trace),
        ),
        key="in_words",
    )


def followed(best: BestHead, run: Run) -> BestHead | None:
    """The head that links words; None if the ablation leaves its weights without effect."""
    return None if is_blind(Ablation.parse(run.ablation), best.place) else best


def target_words(trace: Trace, best: BestHead | None) -> Sequence[TargetWord]:
    """The words of a translation, each linked to the source word that the head attends to most."""
    if best is None:
        return [TargetWord(visible(word.text)) for word in trace.target.words]
    return [
        TargetWord(
            visible(word.text),
            gloss=visible(trace.source.words[word.source_word].text.strip(".,;:!?")),
            source_word=word.source_word,
            probability=word.probability,
        )
        for word in aligned_words(trace, best.place, rows=best.rows)
    ]
