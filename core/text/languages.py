"""Languages: their English names by the codes of ISO 639, and the first word that names one.

A multilingual Marian model is told its target language by the first token, such as `>>de<<`.
"""

import re
from collections.abc import Sequence

from core.text.pieces import is_empty

MOST_NAMED = 12
"""Languages that a message lists."""
_FIRST = re.compile(r"\A\s*>>([^<>]+)<<\s*")

NAMES = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "eo": "Esperanto",
    "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "ga": "Irish", "gl": "Galician", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic",
    "it": "Italian", "ja": "Japanese", "ka": "Georgian", "ko": "Korean", "lt": "Lithuanian",
    "lv": "Latvian", "mk": "Macedonian", "mt": "Maltese", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovene", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
    "ara": "Arabic", "ces": "Czech", "cmn": "Chinese", "dan": "Danish", "deu": "German",
    "ell": "Greek", "eng": "English", "est": "Estonian", "fin": "Finnish", "fra": "French",
    "heb": "Hebrew", "hin": "Hindi", "hun": "Hungarian", "ita": "Italian", "jpn": "Japanese",
    "kor": "Korean", "lat": "Latin", "lit": "Lithuanian", "nld": "Dutch", "pol": "Polish",
    "por": "Portuguese", "ron": "Romanian", "rus": "Russian", "spa": "Spanish", "swe": "Swedish",
    "tur": "Turkish", "ukr": "Ukrainian", "vie": "Vietnamese",
}  # fmt: skip


def language_name(code: str) -> str:
    """The name of a language, or the code itself where it is not known: `ROMANCE`, `zh_TW`."""
    return NAMES.get(code, code)


def language_of(text: str) -> str | None:
    """The target language that the first word names: `de` of `>>de<< A man.`"""
    found = _FIRST.match(text)
    return found[1] if found else None


def without_language(text: str) -> str:
    """The text after that word."""
    return _FIRST.sub("", text, count=1)


def with_language(text: str, code: str | None) -> str:
    """The text with this target language in place of any that it names; None for none."""
    rest = without_language(text)
    return rest if code is None else f">>{code}<< {rest}"


def told_language(text: str, languages: Sequence[str]) -> str:
    """The text with a known target language first, or with none if the model has none."""
    if not languages:
        return without_language(text)
    return text if language_of(text) in languages else with_language(text, languages[0])


def is_wordless(text: str, languages: Sequence[str]) -> bool:
    """Whether a text holds nothing to translate, but perhaps the name of a target language.

    Args:
        languages: those of the model.

    Raises:
        UnencodableTextError: if the text holds half of a surrogate pair.
    """
    return is_empty(without_language(text) if languages else text)


def language_problem(text: str, languages: Sequence[str]) -> str | None:
    """What is wrong with the target language of a text, for a model of these languages; else None."""
    if not languages or language_of(text) in languages:
        return None
    known = ", ".join(languages[:MOST_NAMED]) + (" …" if len(languages) > MOST_NAMED else "")
    said = language_of(text)
    what = f"{said} is none of its target languages" if said else "it is told no target language"
    return f"{what}; begin the sentence with one of {known}, such as >>{languages[0]}<<"
