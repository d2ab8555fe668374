"""docs/roles.md says what was measured of the bundled models."""

import re
from pathlib import Path

from core.analysis.contributions.results import SourceShares, read_source_shares
from core.analysis.lens.results import read_lens_scores
from core.analysis.roles.roles import DEFINITIONS, Roles, read_roles
from core.checkpoint.bundled import SOURCES
from core.checkpoint.folder import load_checkpoint
from core.checkpoint.weights import weights_hash
from core.config import KINDS
from core.evaluation.ratios import Estimate
from core.system.text_tables import markdown_table

FILE = Path(__file__).parents[1] / "docs" / "roles.md"
FOLDER = SOURCES / "en-de"
FURTHER = SOURCES / "table3" / "base"


def stored() -> tuple[Roles, SourceShares, SourceShares]:
    roles, shares, along = (
        read_roles(FOLDER),
        read_source_shares(FOLDER),
        read_source_shares(FURTHER),
    )
    assert roles
    assert shares
    assert along
    return roles, shares, along


def roles_table() -> str:
    """Every head that has a role, kind by kind."""
    roles, _, _ = stored()
    rows = [("head", "role", "score", "trivial rule", "shuffled", "at what it does best")]
    for kind in KINDS:
        for place in roles.scores:
            main = roles.main(place)
            if place.kind == kind and main:
                rows.append((
                    place.label, DEFINITIONS[main.name].title.lower(), _cell(main.score, 2),
                    f"{main.baseline:.2f}", f"{main.control:.2f}", main.what.replace("<", "&lt;"),
                ))  # fmt: skip
    return markdown_table(rows)


def shares_table() -> str:
    """The share of the source, along the output and along a training."""
    _, shares, training = stored()
    names = [f"part {n} of {len(shares.along)}" for n in range(1, len(shares.along) + 1)]
    rows = [("", "en-de", "table3/base")]
    for name, *each in zip(names, shares.along, training.along, strict=True):
        rows.append((name, *(_cell(one, 3) for one in each)))
    for name, field in (
        ("`</s>`", "at_end"),
        ("mean", "mean"),
        ("translations exchanged", "exchanged"),
    ):
        rows.append((name, *(_cell(getattr(each, field), 3) for each in (shares, training))))
    rows += [
        (f"mean, step {step:,}", "", _cell(each, 3)) for step, each in training.snapshots.items()
    ]
    return markdown_table(rows)


def lens_table() -> str:
    """BLEU and chrF of every encoder layer."""
    scores = read_lens_scores(FOLDER)
    assert scores
    rows = [("the decoder reads", "BLEU", "chrF")]
    for depth, each in enumerate(zip(scores.bleu, scores.chrf, strict=True)):
        rows.append((f"layer {depth}" if depth else "embeddings", *(_cell(one, 1) for one in each)))
    return markdown_table(rows)


def _cell(estimate: Estimate, digits: int) -> str:
    low, high = estimate.interval_95
    return f"{estimate.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def block(name: str) -> str:
    found = re.search(
        rf"<!-- {name}: begin -->\n(.*?)\n<!-- {name}: end -->", FILE.read_text("utf-8"), re.DOTALL
    )
    assert found
    return found[1]


def test_the_tables_are_what_is_stored() -> None:
    assert block("roles") == roles_table()
    assert block("shares") == shares_table()
    assert block("lens") == lens_table()


def test_all_was_measured_of_these_weights() -> None:
    roles, shares, training = stored()
    of_model = weights_hash(load_checkpoint(FOLDER).model)
    scores = read_lens_scores(FOLDER)
    assert scores
    assert roles.weights_hash == shares.weights_hash == scores.weights_hash == of_model
    assert training.weights_hash == weights_hash(load_checkpoint(FURTHER).model)


def test_the_prose_counts_right() -> None:
    roles, _, _ = stored()
    prose = FILE.read_text("utf-8")
    held = {
        kind: [m for p in roles.scores if p.kind == kind and (m := roles.main(p))] for kind in KINDS
    }
    sinks = {kind: sum(m.name == "sink" for m in mains) for kind, mains in held.items()}
    assert (
        f"{sinks['encoder']} of 32 encoder heads and {sinks['decoder']} of 32 in the decoder"
        in prose
    )
    n_roles = sum(map(len, held.values()))
    assert f"{n_roles} of 96 heads have one of these roles" in prose
    best = max(roles.trees, key=lambda place: roles.trees[place].score.value)
    assert f"`{best.label}` with {roles.trees[best].score.value:.2f}" in prose
    assert f"{roles.tree_baseline:.2f} of the dependencies" in prose
    _, shares, training = stored()
    assert f"{shares.caught:.0%} of en-de".replace("%", " in 100") in prose
    assert f"{training.caught:.0%} of table3/base".replace("%", " in 100") in prose
