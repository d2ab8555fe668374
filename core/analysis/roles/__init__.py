"""What every head does over a text: roles, each against a trivial baseline and a shuffled control."""
