"""Judging synthetic tables against held-out real rows: shapes, pairs, detection, use, privacy, each beside simple samplers."""

from rivals.tasks.tables.judging.cards import judge

__all__ = ["judge"]
