"""The terms of the pages, each in three plain lines with the numbers of the sentence on screen."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from core.analysis.trace.trace import Trace, mean_probability
from core.config import ModelConfig
from explorer.choice.choice import Choice


@dataclass(frozen=True, slots=True)
class Term:
    """A term: what it is, what it is here, where the paper has it, and where to see it."""

    says: str
    here: str
    """With the facts of the sentence in braces; see `facts_of`."""
    section: str
    """Of the paper; empty for what came later."""
    page: str
    """The page of the app that shows it."""
    query: Mapping[str, str]


def _term(says: str, here: str, section: str, page: str = "", **query: str) -> Term:
    return Term(says, here, section, page, query)


TERMS: Mapping[str, Term] = {
    "piece": _term(
        "A word or a part of one, as the vocabulary cuts text; it is what the model reads and writes.",
        "This sentence is {n_source} pieces, </s> included; the vocabulary has {n_vocabulary}.",
        "section 5.1",
    ),
    "token": _term(
        "One place of a sequence: a piece, or a mark such as <s> and </s>.",
        "The translation has {n_target} tokens, </s> included.",
        "section 3.4",
    ),
    "encoder": _term(
        "The half that reads the source, all words at once, layer by layer.",
        "Here it has {n_encoder_layers} layers and runs once for the sentence.",
        "section 3.1",
        "anatomy",
    ),
    "decoder": _term(
        "The half that writes the translation, one piece after another.",
        "Here it has {n_decoder_layers} layers and ran {n_target} times, once for each piece.",
        "section 3.1",
        "anatomy",
    ),
    "head": _term(
        "One of several attentions that work side by side in a layer, each with its own projections.",
        "Each attention has {n_heads} heads of width {d_k}; the model has {n_all_heads} in all.",
        "section 3.2.2",
        "heads",
    ),
    "query": _term(
        "The vector with which a position asks: what do I need?",
        "It has {d_k} numbers in each head, and is compared with every key.",
        "section 3.2.1",
        "inside",
    ),
    "key": _term(
        "The vector with which a position answers a query: what do I have?",
        "For cross-attention there are {n_source} keys, one for each source piece.",
        "section 3.2.1",
        "inside",
    ),
    "value": _term(
        "The vector that a position passes on where it is attended to.",
        "The output is the sum of all values, each times its weight.",
        "section 3.2.1",
        "inside",
    ),
    "attention": _term(
        "A weighted mean of values; the weights say how well each key fits the query.",
        "Each row of weights adds up to 1.",
        "section 3.2.1, Equation 1",
        "heads",
    ),
    "cross-attention": _term(
        "Attention from the translation to the source.",
        "{n_target} steps attend to {n_source} source pieces.",
        "section 3.2.3",
        "heads",
        kind="cross",
    ),
    "self-attention": _term(
        "Attention within one sequence: source to source, or translation to what is already written.",
        "The encoder has it in {n_encoder_layers} layers, the decoder in {n_decoder_layers}.",
        "section 3.2.3",
        "heads",
        kind="encoder",
    ),
    "mask": _term(
        "It hides what may not be attended to: words not written yet, and padding.",
        "At step 1 the decoder sees 1 token, at step {n_target} it sees {n_target}.",
        "section 3.2.3",
        "heads",
        kind="decoder",
    ),
    "softmax": _term(
        "It turns scores into positive weights that add up to 1; the largest score gets most.",
        "The scores are divided by √{d_k} first, so that it does not become too sharp.",
        "section 3.2.1",
        "inside",
    ),
    "residual": _term(
        "A connection around a sub-layer: its input is added to its output.",
        "So a switched-off sub-layer leaves the stream as it was, but for the normalisation.",
        "section 3.1",
        "anatomy",
    ),
    "positions": _term(
        "Vectors added to the embeddings that say where each token stands.",
        "Without them, shuffled words would each get the same vector.",
        "section 3.5",
        "positions",
    ),
    "probability": _term(
        "How likely the model finds a piece after all that is written so far.",
        "Here {mean_probability} per piece on average (geometric mean).",
        "section 3.4",
    ),
    "log-probability": _term(
        "The logarithm of a probability; those of the pieces add up to that of the translation.",
        "Here {log_probability} in all; 0 would be certain.",
        "section 6.1",
    ),
    "nats": _term(
        "The unit of a natural logarithm: 1 nat less is a probability 2.7 times smaller.",
        "The translation has {log_probability} nats.",
        "section 5.4",
    ),
    "beam search": _term(
        "It keeps several unfinished translations open and continues the best of them.",
        "Here {n_explored} pieces were tried for a translation of {n_target}.",
        "section 6.1",
    ),
    "sink": _term(
        "A token that gets weight when a head has nothing to do, often </s>.",
        "Its value is usually short, so that little is passed on.",
        "",
        "heads",
        values="norms",
    ),
    "BLEU": _term(
        "A score from 0 to 100: how many short word sequences a translation shares with a reference.",
        "One sentence says little; it is measured on whole texts.",
        "section 6.1",
        "table3",
    ),
    "perplexity": _term(
        "How many pieces the model hesitates between, on average, before each reference piece.",
        "1 would be certain; lower is better.",
        "section 6.2",
        "table3",
    ),
    "interval": _term(
        "Where a score lies in 95 of 100 resamples of the same sentences.",
        "A difference whose interval holds 0 is not shown to be one.",
        "",
        "table3",
    ),
    "draft": _term(
        "A first attempt that the model reads after the source, to improve it.",
        "It may be the model’s own, another text or empty; the model is not told whether it is right.",
        "",
        "second_attempt",
    ),
    "reward": _term(
        "A number from 0 to 1 for a whole attempt, by its reference; learning by rewards sees nothing else.",
        "For a sum it is 1 or 0, for a translation its chrF over 100.",
        "",
        "second_attempt",
    ),
    "ablation": _term(
        "Switching a part of a trained model off to see what it was for.",
        "Nothing is trained anew; the model on disk stays as it is.",
        "",
        "ablate",
    ),
}


def facts_of(trace: Trace, config: ModelConfig) -> dict[str, str]:
    """The numbers that terms speak of."""
    n_all = (config.n_encoder_layers + 2 * config.n_decoder_layers) * config.n_heads
    return {
        "n_source": str(len(trace.source.pieces)),
        "n_target": str(len(trace.target.pieces)),
        "n_vocabulary": f"{config.vocabulary_size:,}",
        "n_encoder_layers": str(config.n_encoder_layers),
        "n_decoder_layers": str(config.n_decoder_layers),
        "n_heads": str(config.n_heads),
        "n_all_heads": str(n_all),
        "d_k": str(config.d_k),
        "mean_probability": f"{mean_probability(trace):.0%}",
        "log_probability": f"{trace.best.log_probability_nats:.1f}".replace("-", "−"),
        "n_explored": str(len(trace.found.tree) - 1),
    }


def terms_row(names: Sequence[str], facts: Mapping[str, str] | None, choice: Choice) -> str:
    """HTML of a row of terms; each opens its lines when it is pointed at, or gets the focus.

    Args:
        facts: the numbers of the sentence (`facts_of`), or None before there is one.

    Raises:
        KeyError: if a name is not in the glossary.
    """
    return "".join(_dotted(name, TERMS[name], facts, choice) for name in names)


def _dotted(name: str, term: Term, facts: Mapping[str, str] | None, choice: Choice) -> str:
    here = [term.here.format_map(facts)] if facts else []
    lines = [html.escape(line) for line in (term.says, *here)]
    tip = "".join(f"<span>{line}</span>" for line in (*lines, _source(term, choice)))
    return (
        f'<span class="term"><button type="button">{html.escape(name)}</button>'
        f'<span class="tip" role="note"><b>{html.escape(name)}</b>{tip}</span></span>'
    )


def _source(term: Term, choice: Choice) -> str:
    where = f"The paper, {term.section}." if term.section else "Later work, not in the paper."
    if not term.page:
        return html.escape(where)
    address = html.escape(f"{term.page}?{urlencode({**choice.to_query(), **term.query})}")
    return f'{html.escape(where)} <a href="{address}">See it</a>'
