"""Table 3 as a table that sorts, opens its rows, and offers models to compare."""
