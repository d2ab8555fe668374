"""SCoRe: a translator learns to improve its own first attempt (Kumar et al. 2024, arXiv 2409.12917).

A second attempt reads the source and the first attempt, its draft, and starts from a token of its own.
Warm-up teaches it to use drafts. By policy gradient, Stage I then trains attempt 2 and holds attempt 1
near the warmed-up model; Stage II trains both.
"""
