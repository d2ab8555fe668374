"""Target languages as the first word of a text, and their names."""

import pytest

from core.text.languages import (
    language_name,
    language_of,
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
