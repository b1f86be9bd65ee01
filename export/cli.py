"""`genred export ...`: the face of genred that makes models. Heavy imports wait until a command runs."""

import typer

from export.compare.compare_command import compare_command
from export.convert.onnx_command import onnx_command
from export.convert.verify_command import verify_command
from export.corpora.debian_command import debian_music_command
from export.data.cache_command import cache_command
from export.data.scan_command import scan_command
from export.distil.distil_command import distil_command
from export.evaluate.evaluate_command import evaluate_command
from export.fetch.fetch_command import fetch_command
from export.musicnn.command import import_musicnn_command
from export.rendered.command import render_styles_command
from export.table.experiment_command import table_experiment_command
from export.train.train_command import train_command
from export.tune.tune_command import tune_command

app = typer.Typer(name="export", no_args_is_help=True, help="Make, check and convert models.")


@app.callback()
def _group() -> None:
    """Make, check and convert models."""


# In the order of the work.
app.command("scan")(scan_command)
app.command("fetch")(fetch_command)
app.command("cache")(cache_command)
app.command("train")(train_command)
app.command("tune")(tune_command)
app.command("table-experiment")(table_experiment_command)
app.command("distil")(distil_command)
app.command("evaluate")(evaluate_command)
app.command("compare")(compare_command)
app.command("onnx")(onnx_command)
app.command("verify")(verify_command)
app.command("render-styles")(render_styles_command)
app.command("debian-music")(debian_music_command)
app.command("import-musicnn")(import_musicnn_command)
