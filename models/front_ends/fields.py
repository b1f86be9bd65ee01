"""A front end out of a file: `FrontEnd.as_fields` read back."""

from collections.abc import Mapping
from typing import Final, Literal, cast

from models.card_fields import number, typed
from models.front_ends.spec import FrontEnd, Kind, Normalisation, Scaling

_WHERE: Final = "front_end"


def front_end_of(fields: Mapping[str, object]) -> FrontEnd:
    """The front end that a file's JSON object says.

    Fields this version does not know are ignored; no n_mfcc means 0, as in older files. ValueError for one that is
    missing, of another type, or has a value that none can have.
    """
    return FrontEnd(
        sample_rate_hz=typed(fields, "sample_rate_hz", int, _WHERE),
        n_fft=typed(fields, "n_fft", int, _WHERE),
        frame_hop=typed(fields, "frame_hop", int, _WHERE),
        n_mels=typed(fields, "n_mels", int, _WHERE),
        f_min_hz=number(fields, "f_min_hz", _WHERE),
        f_max_hz=number(fields, "f_max_hz", _WHERE),
        scaling=cast(Scaling, typed(fields, "scaling", str, _WHERE)),
        normalisation=cast(Normalisation, typed(fields, "normalisation", str, _WHERE)),
        mel=cast(Literal["slaney"], typed(fields, "mel", str, _WHERE)),
        kind=cast(Kind, typed(fields, "kind", str, _WHERE)),
        n_mfcc=typed(fields, "n_mfcc", int, _WHERE) if "n_mfcc" in fields else 0,
    )
