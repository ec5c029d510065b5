"""Times training steps in PyTorch: torch_step.py ASKED.json, by `examples/gpu_check/torch.rs`.

Prints the version, then a line of JSON for each configuration with TensorFloat-32 off and on.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional

ACTIVATIONS = {"none": lambda x: x, "relu": functional.relu, "relu6": functional.relu6}
WARM_UP = 3


class Conv(nn.Module):
    def __init__(self, conv):
        super().__init__()
        inputs, outputs = conv["sides"]
        self.conv = nn.Conv2d(
            inputs, outputs, conv["kernel"], conv["stride"], conv["padding"], groups=conv["groups"], bias=conv["bias"]
        )
        self.norm = nn.Identity() if conv["eps"] is None else nn.BatchNorm2d(outputs, eps=conv["eps"])
        self.activation = ACTIVATIONS[conv["activation"]]

    def forward(self, x):
        return self.activation(self.norm(self.conv(x)))


class Linear(nn.Module):
    def __init__(self, linear):
        super().__init__()
        self.linear = nn.Linear(*linear["sides"])
        self.activation = ACTIVATIONS[linear["activation"]]

    def forward(self, x):
        return self.activation(self.linear(x))


class Residual(nn.Module):
    def __init__(self, residual):
        super().__init__()
        self.body = layers(residual["body"])
        self.scale = residual["scale"]
        self.activation = ACTIVATIONS[residual["activation"]]

    def forward(self, x):
        return self.activation(x + self.scale * self.body(x))


class Branches(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(layers(branch) for branch in branches["branches"])

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class Mean(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


MAKERS = {
    "conv": Conv,
    "linear": Linear,
    "residual": Residual,
    "branches": Branches,
    "max_pool": lambda pool: nn.MaxPool2d(*pool["window"], padding=pool["padding"]),
    "average_pool": lambda pool: nn.AvgPool2d(*pool["window"], padding=pool["padding"], count_include_pad=False),
    "adaptive": lambda pool: nn.AdaptiveAvgPool2d(pool["side"]),
    "global": lambda _: Mean(),
    "flatten": lambda _: nn.Flatten(),
    "dropout": lambda dropout: nn.Dropout(dropout["probability"]),
}


def layers(asked):
    return nn.Sequential(*(MAKERS[layer["kind"]](layer) for layer in asked))


def milliseconds(asked, configuration):
    device = torch.device(asked["device"])
    backbone, head = layers(configuration["backbone"]).to(device), layers(configuration["head"]).to(device)
    frozen, batch = configuration["frozen"], configuration["batch"]
    images = torch.randn(batch, 3, asked["size"], asked["size"], device=device)
    labels = torch.arange(batch, device=device) % asked["classes"]
    backbone.train(not frozen)
    parameters = list(head.parameters()) + ([] if frozen else list(backbone.parameters()))
    optimiser = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=1e-5)

    def step():
        with torch.set_grad_enabled(not frozen):
            features = backbone(images)
        optimiser.zero_grad()
        functional.cross_entropy(head(features), labels).backward()
        optimiser.step()

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(WARM_UP):
        step()
    wait()
    begun, steps = time.perf_counter(), 0
    while steps == 0 or time.perf_counter() - begun < asked["seconds"]:
        step()
        wait()
        steps += 1
    return (time.perf_counter() - begun) / steps * 1e3


def main():
    with open(sys.argv[1]) as file:
        asked = json.load(file)
    print("PyTorch", torch.__version__, flush=True)
    torch.backends.cudnn.benchmark = True
    for number, configuration in enumerate(asked["configurations"]):
        for tf32 in [False, True] if asked["device"] == "cuda" else [False]:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            torch.backends.cudnn.allow_tf32 = tf32
            found = {"number": number, "tf32": tf32, "milliseconds": None, "error": None}
            try:
                found["milliseconds"] = milliseconds(asked, configuration)
            except RuntimeError as error:
                found["error"] = str(error).splitlines()[0]
            print(json.dumps(found), flush=True)


main()
