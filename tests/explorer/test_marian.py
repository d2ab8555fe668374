"""Marian folders as they are, on every page: several target languages, tables of their own."""

import json

import pytest

from core.text.marian import TARGET_TABLE_FILE
from explorer.app_pages.registry import PAGES, url_path
from tests.checkpoints import write_checkpoint
from tests.core.checkpoint.test_marian import settings, write_marian
from tests.core.text.test_marian import files, missing, models, names
from tests.explorer.pages import charts, shelf
from tests.explorer.readings import labels

__all__ = ["files", "missing", "models", "names", "shelf"]

TEXT = "The old man sees a red house."


@pytest.fixture(scope="module")
def opus(shelf, files, names):
    """Two models: one told its language, one with a table for each side."""
    language = json.dumps({"source_lang": "en", "target_lang": "mul"}).encode()
    both = {**files, "tokenizer_config.json": language}
    write_marian(shelf.root / "opus-mt-en-mul", both, settings(len(names)))
    own = {name: id_ for id_, name in enumerate(name for name in names if "<<" not in name)}
    n = len(own)
    values = settings(
        len(names), share_encoder_decoder_embeddings=False, decoder_vocab_size=n,
        pad_token_id=n - 1, decoder_start_token_id=n - 1,
    )  # fmt: skip
    write_marian(
        shelf.root / "opus-own", {**files, TARGET_TABLE_FILE: json.dumps(own).encode()}, values
    )
    write_checkpoint(shelf.root / "plain")
    return shelf


@pytest.mark.app
@pytest.mark.parametrize("page", [url_path(script) for script in PAGES.values()])
@pytest.mark.parametrize("model", ["opus-mt-en-mul", "opus-own"])
def test_every_page_opens(opus, page, model):
    opened = opus(page, model=model, text=TEXT)
    assert not opened.exception
    assert not opened.error


@pytest.mark.app
def test_the_language_is_chosen_beside_the_sentence(opus):
    page = opus.own("heads", model="opus-mt-en-mul", text=f">>de<< {TEXT}")
    assert page.selectbox(key="target_language").value == "de"
    assert page.text_input(key="sentence_text").value == TEXT
    page.selectbox(key="target_language").set_value("fr").run()
    assert page.query_params["text"] == f">>fr<< {TEXT}"
    page.text_input(key="sentence_text").set_value("A dog.")
    page.button[0].click().run()
    assert page.query_params["text"] == ">>fr<< A dog."


@pytest.mark.app
def test_without_a_sentence_the_first_language_is_told(opus):
    page = opus.own("heads", model="opus-mt-en-mul")
    assert page.query_params["text"].startswith(">>de<< ")


@pytest.mark.app
@pytest.mark.parametrize("text", [TEXT, f">>xx<< {TEXT}"])
def test_a_language_that_the_model_lacks_is_told(opus, text):
    page = opus("heads", model="opus-mt-en-mul", text=text)
    assert any("such as" in warning.value for warning in page.warning)
    page = opus("heads", model="plain", text=TEXT)
    assert not any("such as" in warning.value for warning in page.warning)


@pytest.mark.app
def test_sentences_of_this_session_are_told_the_language_on_screen(opus):
    page = opus.own("heads", model="opus-mt-en-mul", text=f">>fr<< {TEXT}")
    page.text_input(key="sentence_text").set_value("A dog.")
    page.button[0].click().run()
    page.selectbox(key="choose_model").set_value("plain").run()
    assert page.query_params["text"] == "A dog."
    recent = next(button for button in page.button if button.key == "recent-0")
    recent.click().run()
    assert ">>" not in page.query_params["text"]


@pytest.mark.app
def test_a_language_without_a_sentence_is_no_sentence(opus):
    page = opus("heads", model="opus-mt-en-mul", text=">>de<< ")
    assert any("Type a sentence above" in info.value for info in page.info)


@pytest.mark.app
def test_other_models_have_no_languages_to_choose(opus):
    page = opus("heads", model="plain", text=TEXT)
    assert not [box for box in page.selectbox if box.key == "target_language"]


@pytest.mark.app
def test_the_language_is_a_column_of_the_heat_map(opus):
    page = opus("heads", model="opus-mt-en-mul", text=f">>de<< {TEXT}")
    assert ">>de<<" in labels(charts(page)[0], "xaxis")
    page = opus("heads", model="opus-own", text=TEXT)
    assert ">>de<<" not in labels(charts(page)[0], "xaxis")
