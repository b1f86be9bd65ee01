"""ONNX Runtime's sessions on a CPU. Loads neither torch nor onnx: processes that only score begin quickly."""

from typing import TYPE_CHECKING

import onnxruntime

if TYPE_CHECKING:
    import onnx


def quiet(threads: int = 0) -> onnxruntime.SessionOptions:
    """Options of a session that says errors only (it warns of every optional input). threads: 0 is one a core."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others use the cores too
    return options


def session_of(content: bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    """A session for an ONNX file's bytes. onnxruntime's exceptions, which share no base class."""
    return onnxruntime.InferenceSession(content, quiet(threads), providers=["CPUExecutionProvider"])


def cpu_session(model: "onnx.ModelProto", threads: int = 0) -> onnxruntime.InferenceSession:
    """The same for a graph that is in memory."""
    return session_of(model.SerializeToString(), threads)


def loads(model: "onnx.ModelProto") -> str | None:
    """None where ONNX Runtime takes `model`, else its reason in one line."""
    try:
        cpu_session(model)
    except Exception as error:  # onnxruntime's exceptions share no base class
        return first_line(error)
    return None


def first_line(error: Exception) -> str:
    """What a library says, short enough for a message of one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
