"""The translation in words with the source's share under each, where the model can say it."""

from dataclasses import replace

from core.analysis.contributions.words import detached_warnings, word_shares
from explorer.choice.page_context import PageContext
from explorer.components.words.component import Translation
from explorer.engine import models
from explorer.engine.contributions import contributions, usual_shares

SHARES_NOTE = (
    "The bar under a word: how much of it comes from the source, rather than from the words before it (ALTI+, "
    "Ferrando et al. 2022)."
)


def can_say(shown: PageContext) -> bool:
    """Whether the model is loaded, and unchanged."""
    return models.is_loaded(shown.folder) and not shown.choice.run.ablation


def with_shares(shown: PageContext, line: Translation) -> Translation:
    """The line with the share of the source in each word; as it is where that cannot be said."""
    if not can_say(shown):
        return line
    found = contributions(shown.folder, shown.choice.run, shown.trace)
    shares = word_shares(shown.trace, found.source_share)
    if len(shares) != len(line.words):
        return line
    words = [
        replace(word, source_share=share) for word, share in zip(line.words, shares, strict=True)
    ]
    return replace(line, words=words)


def share_warnings(shown: PageContext) -> tuple[str, ...]:
    """Warnings of words that hardly come from the source, if it is known what is usual."""
    usual = usual_shares(shown.folder) if can_say(shown) else None
    if usual is None:
        return ()
    found = contributions(shown.folder, shown.choice.run, shown.trace)
    return detached_warnings(shown.trace, found.source_share, usual)
