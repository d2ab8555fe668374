"""The caption of every picture and table that leaves a page: model, sentence, settings, link."""

import html
from collections.abc import Sequence

import streamlit as st

from core.analysis.ablation import Ablation
from core.analysis.ablation.in_words import in_words
from core.analysis.trace.trace import Trace
from core.checkpoint.required import model_config_of
from explorer.choice.choice import Run
from explorer.choice.page_context import PageContext, is_typed
from explorer.engine import checkpoints
from explorer.frame.downloads import address_of
from explorer.frame.top_bar import n_parameters


def draw_caption(shown: PageContext) -> None:
    """Put the caption into the page, unseen, where figures/saving/picture.js reads it."""
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in caption_lines(shown))
    st.html(f'<div class="picture-caption" hidden>{lines}</div>')


def caption_lines(shown: PageContext) -> Sequence[str]:
    """Sentence and translation; model and settings; the link to the view."""
    return (*about(shown), address_of(shown.choice))


def about(shown: PageContext) -> tuple[str, str]:
    """What a picture or table is of: sentence and translation; model and settings."""
    trace, run = shown.trace, shown.choice.run
    settings = [_model(shown), _decoding(run), _change(run)]
    return sentence_pair(trace), f"{'; '.join(filter(None, settings))}."


def sentence_pair(trace: Trace) -> str:
    """A sentence and its translation in one line."""
    return f"“{trace.source.text}” → “{trace.target.text}”"


def _model(shown: PageContext) -> str:
    name = next(item.name for item in checkpoints.every_checkpoint() if item.folder == shown.folder)
    source, target = checkpoints.languages(shown.folder)
    size = n_parameters(model_config_of(shown.folder))
    return f"Attention Explorer, model {name} ({source} → {target}, {size} parameters)"


def _decoding(run: Run) -> str:
    if is_typed(run):
        return "translation typed by the reader"
    search = {
        "beam": f"beam search with {run.beam_size} beams, length penalty {run.length_penalty} (α\u00a0=\u00a0{run.alpha:g})",
        "greedy": "greedy search",
        "sample": f"sampled at temperature {run.temperature:g}, seed {run.seed}",
    }[run.method]
    chosen = f", the first {len(run.prefix)} pieces chosen by the reader" if run.prefix else ""
    return search + chosen


def _change(run: Run) -> str:
    if not run.ablation:
        return ""
    return f"the model changed: {in_words(Ablation.parse(run.ablation))}"
