"""Pictures as people have them (folders, archives, arrays) -> what a run trains on."""

from rivals.media.collection.pictures import Pictures, load, refuse

__all__ = ["Pictures", "load", "refuse"]
