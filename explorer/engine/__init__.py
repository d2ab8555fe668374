"""The only part of the app that runs models; all visitors share what it reads and computes.

Importing it does not import torch, so a stored example is on screen before the model is.
"""
