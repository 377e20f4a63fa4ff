"""Recordings: lazy sound, what lies in the bytes of a file, and what the service accepts."""
