import os

# From 1.29 on onnxruntime reports its use to its maker unless this is set before it is first imported.
os.putenv("ORT_DISABLE_TELEMETRY", "1")
