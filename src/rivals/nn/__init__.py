"""Blocks that two or more networks are built of."""
