"""The command `rivals restore`: pictures of a person's own through a trained restoration."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from rivals.commands import Run
from rivals.core.errors import UserError


def restore(
    run: Run,
    files: Annotated[list[Path], Parameter(help="Pictures, and folders of them.")],
    *,
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="A new folder; names and sub-folders are kept.")] = Path("out"),
    tile: Annotated[int, Parameter(help="Pixels of the pieces that large pictures are cut into; 0 for none.")] = 512,
    sharpness: Annotated[float, Parameter(help="0: the faithful stage's network; 1: the adversarial one's; or between.")] = 1.0,
    masks: Annotated[Path | None, Parameter(help="Of inpaint: a mask, or a folder of them by name; white is filled.")] = None,
    sheets: Annotated[bool, Parameter(negative="", help="Write source | result side by side too.")] = False,
    compare: Annotated[Path | None, Parameter(help="Targets of the same names: write source | result | target too.")] = None,
) -> None:
    """Restore pictures by a run of `restoration`: any size; names, alpha and 16 bits are kept."""
    from rivals.media.convert import said
    from rivals.model import load
    from rivals.tasks.restoration.applying import How
    from rivals.tasks.restoration.applying import restore as apply

    model = load(run)
    if model.record["recipe"] != "restoration":
        raise UserError(f"{run} is a run of {model.record['recipe']}: rivals restore takes runs of restoration")
    written = apply(model, files, out, How(tile, sharpness, masks, compare, sheets))
    print(said(written, out))
