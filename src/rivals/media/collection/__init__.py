"""Pictures as people have them (folders, archives, arrays) -> what a run trains on."""

from rivals.media.collection.pictures import READ, Pictures, labels_of, load, refuse

__all__ = ["READ", "Pictures", "labels_of", "load", "refuse"]
