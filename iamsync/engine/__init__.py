"""The use cases, one function each: what the command line calls, and what a program may call."""
