"""The policy language: what a document says, pure and offline."""
