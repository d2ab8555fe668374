"""The reader's choices: what a link holds, and the session of one visitor."""
