"""What the network, AWS, other people and the machine do to a run, on purpose and from a seed."""
