"""The paykit command."""
