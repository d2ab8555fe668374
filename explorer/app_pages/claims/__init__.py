"""The page Claims: published findings, and what is found of them here."""
