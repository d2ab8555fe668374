"""The model card of a checkpoint: its text is written once, its results come from `metrics.json`.

The part between the two marker lines is rewritten each time; the rest is kept.
"""

from collections.abc import Mapping
from typing import Any

from core.config import ModelConfig, TrainConfig
from core.system.files import write_json

BEGIN, END = "<!-- measured results: begin -->", "<!-- measured results: end -->"


def new_card(
    name: str,
    config: ModelConfig,
    training: TrainConfig | None,
    about: str = "",
    *,
    pairs: str = "",
) -> str:
    """A card with all facts that the program knows about the checkpoint.

    Args:
        about: the author's own Markdown.
        pairs: a sentence on how many pairs the model was trained on, and how many were left out.
    """
    settings = write_json(training.to_json()) if training else "unknown\n"
    return (
        f"# {name}\n\n"
        f"{about.strip() or ABOUT_MISSING}\n\n"
        f"## Results\n\n{BEGIN}\n{END}\n\n"
        f"## Configuration\n\n{config.n_parameters:,} parameters.\n\n"
        f"```json\n{write_json(config.to_json())}```\n\n"
        f"## Training settings\n\n{_paragraph(pairs)}```json\n{settings}```\n"
    )


def _paragraph(text: str) -> str:
    return f"{text}\n\n" if text else ""


ABOUT_MISSING = (
    "Not described yet: the data with its licenses, the languages, known failures, and the terms "
    "of the weights belong here."
)


def with_results(card: str, metrics: Mapping[str, Any]) -> str:
    """The card with new results; a card without markers gets them at its end."""
    if BEGIN not in card or END not in card:
        card = f"{card.rstrip()}\n\n## Results\n\n{BEGIN}\n{END}\n"
    before, _, rest = card.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{_results(metrics)}{END}{after}"


def _results(metrics: Mapping[str, Any]) -> str:
    lines = _of_texts(metrics) if metrics.get("results") else []
    final = metrics.get("final", {}).get("results", {})
    if final:
        lines += ["", "The weights after the last step of the training, for comparison:", ""]
    for name, result in sorted(final.items()):
        bleu, lowercased = (_score(result, metric) for metric in ("bleu", "bleu_lc"))
        lines.append(
            f"- {name}: BLEU {bleu}, lowercased {lowercased}, perplexity {result['perplexity']:.2f}"
        )
    alignment = metrics.get("alignment")
    if alignment:
        lines += [
            "",
            f"Best-aligned cross-attention head: layer {alignment['layer']}, head "
            f"{alignment['head']} ({_how_well(alignment)} on "
            f"{alignment['n_sentences']} sentences of {alignment.get('data', 'a text')}; a word's row is the step "
            f"that {alignment['rows']} it).",
        ]
    return "\n".join(lines) + "\n"


def _of_texts(metrics: Mapping[str, Any]) -> list[str]:
    """The table of the texts that were measured, and what is to say of it."""
    lines = [
        "| text | sentences | BLEU | BLEU lowercased | chrF | perplexity |",
        "|---|---|---|---|---|---|",
    ]
    signatures: dict[str, str] = {}
    for name, result in sorted(metrics["results"].items()):
        scores = [_score(result, metric) for metric in ("bleu", "bleu_lc", "chrf")]
        signatures |= result["signatures"]
        lines.append(
            f"| {name} | {result['sentences']:,} | {' | '.join(scores)} "
            f"| {result['perplexity']:.2f} |"
        )
    unused = {name: n for name, n in _left_out(metrics) if n}
    if unused:
        named = ", ".join(f"{n:,} of {name}" for name, n in unused.items())
        lines += ["", f"Pairs left out, as a side is empty or too long: {named}."]
    lines += ["", "Brackets: 95 % bootstrap intervals. Perplexity is per piece. Signatures:", ""]
    return lines + [f"- {metric}: `{signature}`" for metric, signature in signatures.items()]


def _how_well(alignment: Mapping[str, Any]) -> str:
    if "alignment_error_rate" in alignment:
        return f"alignment error rate {alignment['alignment_error_rate']:.3f}"
    return f"{100 * alignment['agreement']:.0f} % of words are linked in both directions"


def _left_out(metrics: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Of each text, how many pairs were not measured; nothing is known of older measurements."""
    results = metrics.get("results", {})
    return [(name, result.get("pairs_left_out", 0)) for name, result in sorted(results.items())]


def _score(result: Mapping[str, Any], metric: str) -> str:
    low, high = result["intervals_95"][metric]
    return f"{result[metric]:.1f} [{low:.1f}, {high:.1f}]"
