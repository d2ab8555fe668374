"""Page Table 3: the paper's variations beside ours."""
