"""Drawing samples that fit in memory, such as pictures: all at once, left as files by the task's own `write`."""

from rivals.media.wanted import Trained, Wanted


def draw(model: Trained, wanted: Wanted) -> str:
    """Leaves the samples in the folder `wanted.out` and says so; raises UserError for options that are of tables and series."""
    wanted.refuse("samples of this run", "--where", "--given", "--safe-csv")
    n, out = wanted.n, wanted.out
    samples, condition = model.labelled(n, label=wanted.label, attributes=wanted.attributes, seed=wanted.seed)
    made = model.task.write(samples, condition, out)
    return f"{n} samples in {out} ({', '.join(path.name for path in made[:2])}{', ...' if len(made) > 2 else ''})"
