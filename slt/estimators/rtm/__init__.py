"""RTMW and RTMPose, models of whole bodies, through rtmlib and onnxruntime; the user brings the files of weights."""
