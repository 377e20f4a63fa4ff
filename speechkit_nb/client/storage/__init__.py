"""Object Storage: uploads, and links to what was uploaded."""
