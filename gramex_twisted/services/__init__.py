"""What has a life of its own: one noun a file."""
