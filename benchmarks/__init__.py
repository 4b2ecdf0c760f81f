"""Ratios against floors: what paykit costs over the bare minimum that does the same job."""
