"""Sentences of the project's own, English with German translations, trees and word links."""

from pathlib import Path

from core.analysis.alignment.gold import GoldAlignment, parse_gold
from core.analysis.roles.measure import RoleText
from core.text.treebank import read_treebank

FILE = Path(__file__).with_name("sentences.conllu")
LANGUAGES = ("English", "German")


def example_sentences() -> RoleText:
    """All of them; their texts may be stored and shown wherever the project goes."""
    trees = read_treebank(FILE)
    pairs = [(tree.text, tree.comments["text_de"]) for tree in trees]
    gold: list[GoldAlignment] = [parse_gold(tree.comments["alignment"]) for tree in trees]
    return RoleText("sentences of this project", pairs, trees, gold)
