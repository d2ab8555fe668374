"""What every head of a model does: as it was measured and stored, or measured now on a few sentences."""

from pathlib import Path

import streamlit as st

from core.analysis.roles.roles import ROLES, Roles, read_roles
from core.checkpoint.required import model_config_of
from core.config import n_layers
from explorer.engine.checkpoints import languages, target_languages
from explorer.engine.folder_version import FolderVersion, folder_version
from explorer.engine.heavy import HEAVY
from explorer.engine.measured import kept, other_weights
from explorer.engine.models import checkpoint

SOURCE, TARGET = "English", "German"
"""The languages of this project's own sentences."""


def stored_roles(folder: Path) -> Roles | None:
    """The roles in a checkpoint's folder; None if none were measured.

    Raises:
        ValueError: if the file cannot be read, or is of another model; the message names it.
    """
    found = _stored(folder_version(folder, (ROLES,)))
    if found and (problem := other_weights(folder, ROLES, found.weights_hash, "roles")):
        raise ValueError(problem)
    return found


@st.cache_resource(max_entries=16, show_spinner=False)
def _stored(folder_version: FolderVersion) -> Roles | None:
    folder = Path(folder_version[0])
    found = read_roles(folder)
    if found:
        config = model_config_of(folder)
        for place in found.scores:
            if place.layer >= n_layers(config, place.kind) or place.head >= config.n_heads:
                raise ValueError(
                    f"{folder / ROLES} is of another model: this one has no {place.label}; measure again "
                    "with `python -m core roles`"
                )
    return found


def can_measure(folder: Path) -> bool:
    """Whether this project's own sentences are what the model reads: English, of one language."""
    return languages(folder)[0] == SOURCE and not target_languages(folder)


def _measured(folder: Path) -> Roles:
    from core.analysis.roles.examples import example_sentences
    from core.analysis.roles.measure import RoleText, measure_roles
    from core.decoding.translate import translate

    loaded, own = checkpoint(folder), example_sentences()
    if languages(folder)[1] == TARGET:
        return measure_roles(loaded, own, treebank=own, aligned=own)
    sources = [source for source, _ in own.pairs]
    targets = translate(loaded.model, loaded.vocabulary, sources)
    text = RoleText(own.name, list(zip(sources, targets, strict=True)), trees=own.trees)
    return measure_roles(loaded, text, treebank=text)


def measured_roles(folder: Path) -> Roles:
    """The roles over this project's own sentences, measured once; loads the model."""
    return kept(folder, (), _measured, HEAVY)
