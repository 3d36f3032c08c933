"""The command `rivals translate`: pictures of a person's own through a trained translation."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rivals.commands import Run
from rivals.core.errors import UserError


def translate(
    run: Run,
    files: Annotated[list[Path], Parameter(help="Pictures, and folders of them.")],
    *,
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="A new folder; names and sub-folders are kept.")] = Path("out"),
    tile: Annotated[int, Parameter(help="Pixels of the pieces that large pictures are cut into; 0 for none.")] = 512,
    full: Annotated[bool, Parameter(negative="", help="At each picture's own size, not at that of the training.")] = False,
    back: Annotated[bool, Parameter(negative="", help="From target to source, where the run learned both ways.")] = False,
    sheets: Annotated[bool, Parameter(negative="", help="Write source | result side by side too.")] = False,
    compare: Annotated[Path | None, Parameter(help="Targets of the same names: write source | result | target too.")] = None,
) -> None:
    """Translate pictures by a run of `translation`: names, sizes, alpha and 16 bits are kept."""
    from rivals.media.convert import said
    from rivals.model import load
    from rivals.tasks.translation.applying import How
    from rivals.tasks.translation.applying import translate as apply

    model = load(run)
    if model.record["recipe"].split(".")[0] != "translation":
        raise UserError(f"{run} is a run of {model.record['recipe']}: rivals translate takes runs of translation")
    written = apply(model, files, out, How(tile, full, back, compare, sheets))
    print(said(written, out))
