"""The tree that a search explored."""
