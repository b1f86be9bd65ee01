"""The package musicnn 0.1.0 on a file, unmodified. Needs musicnn, tensorflow and numpy 1 only.

PYTHON -I peer_musicnn.py FILE

Writes CSV: the package's tags, then a row a window.
"""

import csv
import sys
from contextlib import redirect_stdout

from musicnn.extractor import extractor

WINDOW_S = 4.0  # 250 frames
# The package takes this for the step from window to window, and in frames it is one less than the seconds say:
# 2.016 s are 125 frames, genred's hop of 2 s.
STEP_S = 2.016


def main() -> None:
    """Score every window of the file."""
    with redirect_stdout(sys.stderr):  # it says what it does
        scores, tags = extractor(
            sys.argv[1], model="MSD_musicnn", input_length=WINDOW_S, input_overlap=STEP_S, extract_features=False
        )
    writer = csv.writer(sys.stdout)
    writer.writerow(tags)
    writer.writerows([f"{score:.6f}" for score in row] for row in scores)


if __name__ == "__main__":
    main()
