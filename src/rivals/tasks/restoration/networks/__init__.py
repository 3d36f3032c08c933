"""Generators by job, and the discriminator."""
