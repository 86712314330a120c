"""What only a live cluster can tell or do."""
