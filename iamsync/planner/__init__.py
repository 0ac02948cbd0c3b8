"""Two states in, a plan out: pure, so the same input gives the same bytes."""
