"""Sentences to begin with, written for this project, by the language that a model reads."""

CAPTION = "A man in a red jacket is riding a bicycle down the street."
"""A sentence like the image captions that the models of Table 3 learnt from."""
EXAMPLES = (
    "The woman who lives next door has three dogs.",
    CAPTION,
    "I don't know why he didn't call me yesterday.",
    "Two children are playing football in the park.",
    "Could you please close the window?",
)
"""In English; the app shows the first one until the reader types one."""

OTHERS = {
    "Arabic": ("يلعب طفلان كرة القدم في الحديقة.", "هل يمكنك إغلاق النافذة من فضلك؟"),
    "Chinese": ("两个孩子在公园里踢足球。", "请你把窗户关上好吗？"),
    "Dutch": (
        "Twee kinderen spelen voetbal in het park.",
        "Kun je alsjeblieft het raam dichtdoen?",
    ),
    "Finnish": ("Kaksi lasta pelaa jalkapalloa puistossa.", "Voisitko sulkea ikkunan?"),
    "French": (
        "Deux enfants jouent au football dans le parc.",
        "Pourriez-vous fermer la fenêtre ?",
    ),
    "German": ("Zwei Kinder spielen im Park Fußball.", "Könnten Sie bitte das Fenster schließen?"),
    "Hebrew": ("שני ילדים משחקים כדורגל בפארק.", "אתה יכול לסגור את החלון בבקשה?"),
    "Italian": ("Due bambini giocano a calcio nel parco.", "Potresti chiudere la finestra?"),
    "Japanese": ("二人の子供が公園でサッカーをしています。", "窓を閉めていただけますか。"),
    "Polish": ("Dwoje dzieci gra w piłkę nożną w parku.", "Czy możesz zamknąć okno?"),
    "Portuguese": ("Duas crianças jogam futebol no parque.", "Você poderia fechar a janela?"),
    "Russian": ("Двое детей играют в футбол в парке.", "Закройте, пожалуйста, окно."),
    "Spanish": ("Dos niños juegan al fútbol en el parque.", "¿Podrías cerrar la ventana?"),
    "Swedish": ("Två barn spelar fotboll i parken.", "Kan du stänga fönstret?"),
    "Turkish": ("İki çocuk parkta futbol oynuyor.", "Pencereyi kapatır mısın?"),
}


def examples_in(language: str) -> tuple[str, ...]:
    """Sentences of a language by its English name; English ones where there are none."""
    return OTHERS.get(language, EXAMPLES)
