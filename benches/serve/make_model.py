"""A MobileNetV2 of three classes, twice: as a MODEL of tcolz and as ONNX. make_model.py FOLDER

Its weights are random: how fast it is does not depend on them. Needs torch, torchvision, onnx, safetensors.
"""

import json
import sys
from pathlib import Path

import torch
import torchvision
from safetensors.torch import save_file

folder = Path(sys.argv[1])
torch.manual_seed(8)
network = torchvision.models.mobilenet_v2(weights=None, num_classes=3).eval()
for module in network.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        module.running_mean.normal_(0, 0.2)
        module.running_var.uniform_(0.5, 1.5)
facts = {
    "format": "tcolz-model-v1",
    "network": "mobilenet-v2",
    "properties": {"padding": "symmetric", "eps": 1e-5, "view": "torch", "batch_norm_folded": False},
    "view": {
        "name": "torch",
        "channels": "RGB",
        "operations": [
            {"divide": [255.0, 255.0, 255.0]},
            {"subtract": [0.485, 0.456, 0.406]},
            {"divide": [0.229, 0.224, 0.225]},
        ],
    },
    "classes": ["negative", "neutral", "positive"],
    "recipe": {
        "sizes": [224],
        "fit": "squash",
        "filter": "bilinear",
        "decode": "exact",
        "codec": "zstd",
        "dtype": "u8",
        "view": "torch",
        "max_pixels": 40_000_000,
    },
    "size": 224,
}
tensors = {key: value for key, value in network.state_dict().items() if "num_batches" not in key}
save_file(tensors, folder / "model.safetensors", metadata={"tcolz": json.dumps(facts)})
torch.onnx.export(
    network,
    (torch.zeros(2, 3, 224, 224),),
    folder / "model.onnx",
    input_names=["images"],
    output_names=["logits"],
    dynamic_axes={"images": {0: "n"}, "logits": {0: "n"}},
    dynamo=False,
)
