"""Table 3: variations on the architecture, trained and compared."""
