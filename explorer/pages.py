"""The pages of the app, in the order of the menu: title and script."""

PAGES = {
    "Translate": "app_pages/translate.py",
    "Heads": "app_pages/heads.py",
    "Inside attention": "app_pages/inside.py",
    "Positions": "app_pages/positions.py",
    "Ablate": "app_pages/ablate.py",
    "Anatomy": "app_pages/anatomy.py",
    "Table 3": "app_pages/table3.py",
    "Training": "app_pages/training.py",
}
