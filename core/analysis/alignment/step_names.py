"""What the literature calls the two steps at which a target word may be read; without torch."""

from collections.abc import Mapping

from core.analysis.heads.word_attention import AlignmentStep

STEP_NAMES: Mapping[AlignmentStep, str] = {"produced": "AWO", "consumed": "AWI"}
"""Kobayashi et al. 2020 (https://arxiv.org/abs/2004.10102, section 5): alignment with
output, where a target word is read at the step that produces it, and with input, where it is read
one step later, when the decoder consumes it. Chen et al. 2020
(https://arxiv.org/abs/2004.14837) call the second SHIFT-ATT."""
