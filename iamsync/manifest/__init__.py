"""Text in, State out, and back: everything about the files people write."""
