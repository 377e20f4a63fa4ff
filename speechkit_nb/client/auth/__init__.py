"""Credentials of the user: keys, tokens, and their renewal."""
