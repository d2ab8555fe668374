"""The pages of the app, grouped by the question that they answer: title and script."""

MENU = {
    "Look": {
        "Translate": "app_pages/translate/page.py",
        "Heads": "app_pages/heads/page.py",
        "Inside attention": "app_pages/inside/page.py",
        "Anatomy": "app_pages/anatomy/page.py",
    },
    "Question": {
        "Lenses": "app_pages/lenses/page.py",
        "Source and prefix": "app_pages/contributions/page.py",
        "Why this word": "app_pages/why/page.py",
        "Two sentences": "app_pages/patching/page.py",
        "A text": "app_pages/over_text/page.py",
        "Roles": "app_pages/roles/page.py",
        "Ablate": "app_pages/ablate/page.py",
        "Positions": "app_pages/positions/page.py",
        "Second attempt": "app_pages/second_attempt/page.py",
    },
    "Learn": {
        "Claims": "app_pages/claims/page.py",
        "Table 3": "app_pages/table3/page.py",
        "Training": "app_pages/training/page.py",
    },
}
PAGES = {title: script for pages in MENU.values() for title, script in pages.items()}


def url_path(script: str) -> str:
    """The path of a page in the address bar: the name of its folder."""
    return script.split("/")[1]
