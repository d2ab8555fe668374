"""Target languages as the first word of a text, and their names."""

import pytest

from core.text.languages import (
    is_wordless,
    language_name,
    language_of,
    language_problem,
    told_language,
    with_language,
    without_language,
)


@pytest.mark.parametrize("text", [">>de<< A man.", ">>de<<A man.", "  >>de<<  A man."])
def test_the_first_word_names_the_language(text):
    assert language_of(text) == "de"
    assert without_language(text) == "A man."
    assert with_language(text, "fr") == ">>fr<< A man."
    assert with_language(text, None) == "A man."


@pytest.mark.parametrize("text", ["A man.", "A >>de<< man.", ">>de A man.", ">><< A", ""])
def test_other_texts_name_none(text):
    assert language_of(text) is None
    assert without_language(text) == text
    assert with_language(text, "fr") == f">>fr<< {text}"


def test_a_text_fits_the_model_that_reads_it():
    assert told_language("A man.", ["de", "fr"]) == ">>de<< A man."
    assert told_language(">>fr<< A man.", ["de", "fr"]) == ">>fr<< A man."
    assert told_language(">>xx<< A man.", ["de", "fr"]) == ">>de<< A man."
    assert told_language(">>fr<< A man.", []) == "A man."


def test_names_are_english_and_unknown_codes_stay():
    assert [language_name(code) for code in ("de", "fra", "ROMANCE")] == [
        "German",
        "French",
        "ROMANCE",
    ]


def test_a_language_alone_is_nothing_to_translate():
    assert is_wordless(">>de<<  ", ["de"])
    assert is_wordless("", ["de"])
    assert not is_wordless(">>de<< a", ["de"])
    assert not is_wordless(">>de<<", [])  # of a model without languages it is text


def test_what_is_wrong_with_a_language_is_said_with_the_way_out():
    assert language_problem("A man.", []) is None
    assert language_problem(">>de<< A man.", ["de", "fr"]) is None
    assert language_problem(">>xx<< A man.", ["de", "fr"]) == (
        "xx is none of its target languages; begin the sentence with one of de, fr, such as >>de<<"
    )
    assert "it is told no target language" in language_problem("A man.", ["de"])
