"""The checkpoint of the package musicnn 0.1.0 as the frozen graph that Essentia's TensorflowPredictMusiCNN takes.

PYTHON -I freeze_musicnn.py OUT.pb FRAMES        (PYTHON has musicnn and tensorflow)

Input `model/Placeholder` (batch, FRAMES, 96), output `model/Sigmoid` (batch, 50). Training is a constant: off, which
spares the graph the placeholder that Essentia would have to be told of (isTrainingName), and its branches.
"""

import os
import sys

import musicnn
import tensorflow as tf
from musicnn import models
from musicnn.configuration import MSD_LABELS, N_MELS

MODEL = "MSD_musicnn"


def main() -> None:
    """Build, restore, fold the variables into constants, write."""
    out, frames = sys.argv[1], int(sys.argv[2])
    checkpoint = os.path.join(os.path.dirname(musicnn.__file__), MODEL, "")  # noqa: PTH118, PTH120 - ends with the slash
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        with tf.name_scope("model"):
            log_mel = v1.placeholder(tf.float32, [None, frames, N_MELS])
            logits = models.define_model(log_mel, False, MODEL, len(MSD_LABELS))[0]
            scores = tf.nn.sigmoid(logits)
        v1.train.Saver().restore(session, checkpoint)
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [scores.op.name])
    with open(out, "wb") as file:  # noqa: PTH123
        file.write(frozen.SerializeToString())


if __name__ == "__main__":
    main()
