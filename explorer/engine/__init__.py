"""The only part of the app that runs models: what it reads or computes is shared by all visitors.

Importing it does not import torch, so a stored example is on screen before the model is.
"""
