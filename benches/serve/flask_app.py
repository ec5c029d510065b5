"""The peer: Flask + Pillow + ONNX Runtime, as such a service is usually written. Run by gunicorn."""

import io
import os

import numpy as np
import onnxruntime
from flask import Flask, jsonify, request
from PIL import Image

CLASSES = ["negative", "neutral", "positive"]
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ.get("ONNX_THREADS", "0"))
session = onnxruntime.InferenceSession(
    os.environ["ONNX_MODEL"], options, providers=["CPUExecutionProvider"]
)
app = Flask(__name__)


@app.post("/predict")
def predict():
    file = request.files["file"].read() if "file" in request.files else request.get_data()
    image = Image.open(io.BytesIO(file)).convert("RGB").resize((224, 224), Image.BILINEAR)
    pixels = (np.asarray(image, np.float32) / 255 - MEAN) / DEVIATION
    (logits,) = session.run(None, {"images": pixels.transpose(2, 0, 1)[None]})
    powers = np.exp(logits[0] - logits[0].max())
    return jsonify(dict(zip(CLASSES, (powers / powers.sum()).tolist())))
