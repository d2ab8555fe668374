"""Page Anatomy: the model as the paper's Figure 1."""
