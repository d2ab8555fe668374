"""Why a query attends to a key: the score q·k/√d_k, split by who wrote the query and who wrote the key."""
