"""Published findings on what heads and layers do, put to the test on a checkpoint."""
