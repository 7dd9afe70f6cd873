/**
 * onnxruntime-node reports its use to Microsoft (from 1.30 on, on Linux too) unless this variable is set when its library starts.
 * Imported before it and before worker threads are started: their process.env is a copy that native code does not see.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1'
