"""Why the model writes one token and not another: what each word of source and prefix adds to the difference."""
