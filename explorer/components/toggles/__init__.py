"""Switches for heads, layers and sub-layers."""
