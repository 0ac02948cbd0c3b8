"""Everything that iamsync reads, mutated: whatever it is given, it accepts it or says one clear thing about it."""
