"""The model as Figure 1, drawn from its sizes."""
