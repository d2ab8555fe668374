"""The methods that are compared: SCoRe, its ablations, and supervised baselines.

Every method starts from the same warmed-up model and takes the same number of updates. Nothing here
imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Learning = Literal["policy_gradient", "imitation", "supervised"]
Keep = Literal["corrected", "correct", "best", "reference"]
Second = Literal["draft", "beam", "best_of_2"]
"""What reads the first attempt as its draft; or, without a draft, another search as costly as two
attempts."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training with one objective; weights of the terms as in Equations 3 and 4 of the paper."""

    learning: Learning = "policy_gradient"
    share: float = 1.0
    """Of the method's updates."""
    first: float = 0.0
    """Weight of attempt 1's own reward r1."""
    second: float = 1.0
    """Weight of attempt 2's own reward r2."""
    alpha: float = 0.0
    """Weight of the bonus r2 - r1, which belongs to attempt 2's tokens."""
    bonus_to_first: bool = False
    """Give attempt 1 the bonus as well: the wrong assignment of credit, kept as an exhibit."""
    anchors_first: bool = False
    """Stage I: hold attempt 1 to the reference model with the larger weight β2, adapted."""
    base_drafts: float = 0.0
    """The share of sources whose drafts are the reference model's, not the policy's."""
    permutes: bool = False
    """Give each source the rewards of another one: a control that must gain nothing."""
    keep: Keep = "reference"
    """Imitation: which second attempts are imitated."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """Its name, a line on what it is, its training, and how it makes a second attempt."""

    title: str
    about: str
    stages: tuple[Stage, ...] = ()
    second: Second = "draft"


_STAGE_1 = Stage(share=0.5, anchors_first=True)
_ALPHA = 10.0
_STAGE_2 = Stage(share=0.5, first=1.0, alpha=_ALPHA, base_drafts=0.25)

METHODS: Mapping[str, Method] = {
    "base": Method(
        title="Base",
        about="learnt what a draft is by supervision; every other method begins with it",
    ),
    "beam": Method(
        title="Beam search, 4 beams",
        about="Base; in place of a second attempt, beam search with 4 beams",
        second="beam",
    ),
    "best_of_2": Method(
        title="Best of 2 samples",
        about="Base; in place of a second attempt, the likelier of two samples",
        second="best_of_2",
    ),
    "score": Method(
        title="SCoRe",
        about="Stage I rewards attempt 2 and holds attempt 1 near Base; Stage II rewards both, with a bonus to attempt 2 for its gain",
        stages=(_STAGE_1, _STAGE_2),
    ),
    "stage1": Method(
        title="Stage I alone",
        about="all updates in Stage I: attempt 2 is rewarded, attempt 1 is held near Base",
        stages=(Stage(anchors_first=True),),
    ),
    "without_stage1": Method(
        title="SCoRe without Stage I",
        about="all updates in Stage II",
        stages=(Stage(first=1.0, alpha=_ALPHA, base_drafts=0.25),),
    ),
    "without_shaping": Method(
        title="SCoRe without shaping",
        about="attempt 2 gets no bonus for its gain (α = 0)",
        stages=(_STAGE_1, Stage(share=0.5, first=1.0, base_drafts=0.25)),
    ),
    "without_on_policy": Method(
        title="SCoRe without on-policy drafts",
        about="all drafts of Stage II are Base's, so attempt 1 is not rewarded there",
        stages=(_STAGE_1, Stage(share=0.5, alpha=_ALPHA, base_drafts=1.0)),
    ),
    "naive_multi_turn": Method(
        title="Naive multi-turn",
        about="both attempts are rewarded alike; no Stage I, no bonus",
        stages=(Stage(first=1.0),),
    ),
    "first_only": Method(
        title="First attempt only",
        about="attempt 1 alone is rewarded",
        stages=(Stage(first=1.0, second=0.0),),
    ),
    "post_edit": Method(
        title="First attempt, post-editing as auxiliary task",
        about="attempt 1 is rewarded; improving its samples is an auxiliary task of half the weight (PEGRL)",
        stages=(Stage(first=1.0, second=0.5),),
    ),
    "permuted": Method(
        title="Permuted rewards",
        about="SCoRe with the rewards of other sources: a control that must teach nothing",
        stages=(
            Stage(share=0.5, anchors_first=True, permutes=True),
            Stage(share=0.5, first=1.0, alpha=_ALPHA, base_drafts=0.25, permutes=True),
        ),
    ),
    "wrong_credit": Method(
        title="Wrong credit",
        about="attempt 1 gets the bonus too, so it learns to be wrong first",
        stages=(Stage(first=1.0, alpha=_ALPHA, bonus_to_first=True),),
    ),
    "star_stage2": Method(
        title="Stage I, then STaR",
        about="after Stage I, imitates own corrections in place of Stage II",
        stages=(_STAGE_1, Stage(learning="imitation", share=0.5, keep="corrected")),
    ),
    "star": Method(
        title="STaR, corrections only",
        about="imitates own corrections of wrong first attempts (the SCoRe paper's D)",
        stages=(Stage(learning="imitation", keep="corrected"),),
    ),
    "star_plus": Method(
        title="STaR, all right attempts",
        about="imitates all own second attempts that are right (its D+)",
        stages=(Stage(learning="imitation", keep="correct"),),
    ),
    "pair_self": Method(
        title="Pair-SFT, own answers",
        about="reads drafts of Base, imitates the best of own answers",
        stages=(Stage(learning="imitation", keep="best", base_drafts=1.0),),
    ),
    "pair_reference": Method(
        title="Pair-SFT, references",
        about="reads drafts of Base, imitates references",
        stages=(Stage(learning="imitation", keep="reference", base_drafts=1.0),),
    ),
    "mle": Method(
        title="MLE+",
        about="goes on with supervision, as in the warm-up",
        stages=(Stage(learning="supervised"),),
    ),
}
