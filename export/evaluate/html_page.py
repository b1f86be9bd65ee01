"""What the pages of reports share: how they are filled in, their looks (style.css.j2), pictures inside them."""

import base64
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from export.evaluate.wording import chance, figure, signed, span


def page_template(path: Path) -> Template:
    """A template, which may include those beside this file. It knows the filters of `wording`, and `made`, the time."""
    environment = Environment(
        loader=FileSystemLoader([path.parent, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(figure=figure, span=span, signed=signed, chance=chance, percent=_percent)
    environment.globals["made"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template(path.name)


def inline(picture: bytes) -> str:
    """An SVG file as the source of an image."""
    return f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
