"""Small faults planted in the product, to see which of them the tests catch: `make mutants`."""
