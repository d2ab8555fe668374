"""One sentence with every head that translated it: captured, checked, opened up."""
