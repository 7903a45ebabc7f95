"""CNNs on single frames: AlexNet up to fc7, or a few strided convolutions; and pretrained weights for AlexNet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from skeletor.files.outside import existing_file, reading
from skeletor.files.read_only.torch_files import load_torch
from skeletor.support.errors import InputError

FC = 4096  # width of fc6 and fc7


class AlexNet(nn.Module):
    """AlexNet (Krizhevsky et al. 2012) up to fc7: (N, 3, 227, 227) RGB pictures less their mean to (N, 4096).

    The network as published has two groups in conv2, conv4 and conv5 and local response normalisation: 56,868,224
    parameters up to fc7. torchvision: that package's variant (Krizhevsky 2014: no groups, no normalisation, other
    widths; 57,003,840 parameters), for its weights. `scale` multiplies the grey levels (0 to 255): the published
    one takes them as they are, torchvision's takes them divided by their spread.
    """

    features = FC

    def __init__(self, torchvision: bool = False, dropout: float = 0.5) -> None:
        super().__init__()
        self.scale = 1 / (255 * 0.226) if torchvision else 1.0
        a, b, c, d, groups = (64, 192, 384, 256, 1) if torchvision else (96, 256, 384, 384, 2)
        self.conv1 = nn.Conv2d(3, a, 11, stride=4, padding=2 if torchvision else 0)
        self.conv2 = nn.Conv2d(a, b, 5, padding=2, groups=groups)
        self.conv3 = nn.Conv2d(b, c, 3, padding=1)
        self.conv4 = nn.Conv2d(c, d, 3, padding=1, groups=groups)
        self.conv5 = nn.Conv2d(d, 256, 3, padding=1, groups=groups)
        self.fc6 = nn.Linear(256 * 6 * 6, FC)
        self.fc7 = nn.Linear(FC, FC)
        self.pool = nn.MaxPool2d(3, 2)
        self.norm = nn.Identity() if torchvision else nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 227, 227) pictures less their mean -> (N, 4096)."""
        assert x.shape[1:] == (3, 227, 227), x.shape
        x = self.pool(self.norm(self.conv1(x).relu()))  # (N, 96, 27, 27)
        x = self.pool(self.norm(self.conv2(x).relu()))  # (N, 256, 13, 13)
        x = self.conv4(self.conv3(x).relu()).relu()  # (N, 384, 13, 13)
        x = self.pool(self.conv5(x).relu())  # (N, 256, 6, 6)
        x = self.dropout(self.fc6(x.flatten(1)).relu())  # (N, 4096)
        features: Tensor = self.dropout(self.fc7(x).relu())  # (N, 4096)
        return features


class SmallCnn(nn.Module):
    """3x3 convolutions of stride 2 with batch normalisation, then one linear layer: (N, 3, H, W) to (N, features).

    The linear layer sees what is left of the picture place by place: where a hand is matters.
    """

    scale = 1 / 64

    def __init__(self, size: tuple[int, int], channels: Sequence[int], features: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.size, self.features = size, features
        layers: list[nn.Module] = []
        height, width = size
        for inputs, outputs in zip((3, *channels), channels, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
            height, width = (height + 1) // 2, (width + 1) // 2
        self.convolutions = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(channels[-1] * height * width, features)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) pictures less their mean -> (N, features)."""
        assert x.shape[1:] == (3, *self.size), x.shape
        places = self.dropout(self.convolutions(x).flatten(1))  # (N, C * H' * W')
        features: Tensor = self.project(places).relu()  # (N, features)
        return features


_LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7")
_TORCHVISION = ("features.0", "features.3", "features.6", "features.8", "features.10", "classifier.1", "classifier.4")


def load_cnn_weights(cnn: AlexNet, path: Path | str) -> None:
    """Put pretrained weights into an AlexNet.

    path: a .safetensors file with `conv1.weight`, `conv1.bias`, ... `conv5`, `fc6`, `fc7` (of shapes (outputs, inputs,
    rows, columns) and (outputs, inputs); conv1 takes RGB, fc6 takes channels, then rows, then columns), or a
    .pth file with the state dict of torchvision's AlexNet. Further tensors (fc8) are left out.
    Raises InputError if the file cannot be read, or a tensor is missing or of another shape.
    """
    path = Path(path)
    what = "file of pretrained weights (.safetensors, or torchvision's .pth)"
    if path.suffix == ".safetensors":
        with reading(existing_file(path, what), what):
            found = load_file(path)
    else:
        found = load_torch(path, what)
    if not isinstance(found, dict):
        raise InputError(f"{path}: holds {type(found).__name__}, expected names and tensors (a state dict)")
    names = _TORCHVISION if f"{_TORCHVISION[0]}.weight" in found else _LAYERS
    weights = {}
    for own, theirs in zip(_LAYERS, names, strict=True):
        for kind in ("weight", "bias"):
            value, expected = found.get(f"{theirs}.{kind}"), cnn.get_parameter(f"{own}.{kind}").shape
            if not isinstance(value, Tensor):
                raise InputError(f"{path}: tensor {theirs}.{kind} is missing; is it an AlexNet?")
            if value.shape != expected:
                raise InputError(
                    f"{path}: {theirs}.{kind} is {tuple(value.shape)}, expected {tuple(expected)}; the published "
                    "network is cnn alexnet, torchvision's is alexnet-torchvision"
                )
            weights[f"{own}.{kind}"] = value
    cnn.load_state_dict(weights)
