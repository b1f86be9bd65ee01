"""`genred export evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from export.command import reported, warn
from export.evaluate.options import CommonLabels, FeaturesFolder, Resamples, Split, SplitName, Workers


def evaluate_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="An .onnx file, a shipped model's name, a .safetensors checkpoint or a run folder."
        ),
    ],
    music: Annotated[
        Path, typer.Argument(metavar="SET", help="A music set, or the table of vectors that MODEL learnt from.")
    ],
    split: Split = SplitName.TEST,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a page with pictures and sounds: DIR/index.html.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every figure for programs.")
    ] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="OTHER_MODEL", help="A second model, compared on the same tracks.")
    ] = None,
    streaming: Annotated[
        bool, typer.Option("--streaming", help="Score the clips through the daemon, and prove that it is the same.")
    ] = False,
    common_labels: CommonLabels = False,
    resamples: Resamples = 1000,
    cache: FeaturesFolder = None,
    workers: Workers = 0,
) -> None:
    """Judge a model on clips it was not trained on: per window and per track, with intervals and examples."""
    with reported():
        from export.data.music_set import read_music_set
        from export.errors import InputUnusable, ProofFailed
        from export.evaluate.evaluating import Options, evaluate
        from export.evaluate.json_report import write_json
        from export.evaluate.scoring import model_path
        from export.evaluate.streaming import TOLERANCE
        from export.evaluate.terminal import print_evaluation
        from export.output_folder import check_output_folder

        if report is not None:
            from export.evaluate.html_report import PAGE

            check_output_folder(report, (PAGE,))
        if json_file is not None:
            check_output_folder(json_file.parent, (json_file.name,))
        if music.is_file():
            from export.table.judging import in_words, judged_run

            if report or json_file or compare or streaming or split != SplitName.TEST:
                raise InputUnusable("a run on a table is judged on its test rows, in a line; leave the options out")
            typer.echo(in_words(judged_run(Path(model), music)))
            return
        options = Options(
            cache=cache or music / "cache",
            split=split.value,
            common_labels=common_labels,
            streaming=streaming,
            compare=None if compare is None else model_path(compare),
            resamples=resamples,
            workers=workers,
        )
        found = evaluate(model_path(model), read_music_set(music), options, warn)
        print_evaluation(found)
        if json_file is not None:
            write_json(found, json_file)
        if report is not None:
            from export.evaluate.html_report import write_report

            typer.echo(f"report: {write_report(found, report)}")
        if found.streaming is not None and not found.streaming.holds:
            raise ProofFailed(
                f"--streaming: scores of the daemon differ from those computed offline by up to "
                f"{found.streaming.largest_difference:.2g} (allowed {TOLERANCE:g}), and of "
                f"{len(found.streaming.apart)} clips in the number of windows heard"
            )
