"""The account itself: the only package that talks to AWS (and the only one that imports botocore)."""
