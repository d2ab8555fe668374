"""The pages of the app, in the order of the menu: title and script."""

PAGES = {
    "Translate": "app_pages/translate/page.py",
    "Heads": "app_pages/heads/page.py",
    "Inside attention": "app_pages/inside/page.py",
    "Positions": "app_pages/positions/page.py",
    "Ablate": "app_pages/ablate/page.py",
    "Anatomy": "app_pages/anatomy/page.py",
    "Table 3": "app_pages/table3/page.py",
    "Training": "app_pages/training/page.py",
}


def url_path(script: str) -> str:
    """The path of a page in the address bar: the name of its folder."""
    return script.split("/")[1]
