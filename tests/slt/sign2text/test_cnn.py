import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from skeletor.support.errors import InputError
from slt.sign2text.cnn import AlexNet, SmallCnn, load_cnn_weights

# Krizhevsky et al. 2012: 60,965,224 parameters, of which fc8 has 4,097,000; torchvision's variant: 61,100,840.
PUBLISHED = {"conv1": 34_944, "conv2": 307_456, "conv3": 885_120, "conv4": 663_936, "conv5": 442_624,
             "fc6": 37_752_832, "fc7": 16_781_312}  # fmt: skip
TORCHVISION = {"features.0": "conv1", "features.3": "conv2", "features.6": "conv3", "features.8": "conv4",
               "features.10": "conv5", "classifier.1": "fc6", "classifier.4": "fc7"}  # fmt: skip


@pytest.fixture(scope="module")
def nets() -> dict[bool, AlexNet]:
    torch.manual_seed(0)
    return {torchvision: AlexNet(torchvision).eval() for torchvision in (False, True)}


def test_alexnet_has_the_published_number_of_parameters(nets):
    found = {name: sum(p.numel() for p in getattr(nets[False], name).parameters()) for name in PUBLISHED}
    assert found == PUBLISHED
    for torchvision, whole in ((False, 60_965_224), (True, 61_100_840)):
        assert sum(p.numel() for p in nets[torchvision].parameters()) == whole - 4_097_000


@pytest.mark.parametrize("torchvision", [False, True])
def test_alexnet_gives_fc7_of_227_pixels(nets, torchvision):
    with torch.no_grad():
        features = nets[torchvision](torch.randn(2, 3, 227, 227))
    assert features.shape == (2, 4096) and float(features.min()) == 0
    with pytest.raises(AssertionError):
        nets[torchvision](torch.zeros(1, 3, 224, 224))


@pytest.mark.parametrize("size", [(96, 80), (33, 17)])
def test_the_small_one_takes_any_size(size):
    cnn = SmallCnn(size, [8, 16, 8], 12).eval()
    assert cnn(torch.zeros(3, 3, *size)).shape == (3, 12)
    with pytest.raises(AssertionError):
        cnn(torch.zeros(3, 3, size[0] + 1, size[1]))


def weights_of(net: AlexNet) -> dict[str, torch.Tensor]:
    """Other weights of the same shapes, cheap to make."""
    return {name: torch.full_like(p, k / 1000) for k, (name, p) in enumerate(net.state_dict().items())}


def test_pretrained_weights_are_read_from_safetensors_by_their_documented_names(nets, tmp_path):
    net, path = AlexNet(), tmp_path / "alexnet.safetensors"
    expected = weights_of(nets[False])
    save_file({**expected, "fc8.weight": torch.zeros(1000, 4096)}, path)
    load_cnn_weights(net, path)
    assert all(torch.equal(value, expected[name]) for name, value in net.state_dict().items())


def test_torchvisions_state_dict_is_mapped(nets, tmp_path):
    net, path = AlexNet(torchvision=True), tmp_path / "alexnet.pth"
    expected = weights_of(nets[True])
    theirs = {f"{a}.{kind}": expected[f"{b}.{kind}"] for a, b in TORCHVISION.items() for kind in ("weight", "bias")}
    torch.save({**theirs, "classifier.6.bias": torch.zeros(1000)}, path)
    load_cnn_weights(net, path)
    assert all(torch.equal(value, expected[name]) for name, value in net.state_dict().items())
    with pytest.raises(InputError, match=r"features.0.weight is \(64, 3, 11, 11\).*alexnet-torchvision"):
        load_cnn_weights(nets[False], path)
    theirs.pop("classifier.4.bias")
    torch.save(theirs, path)
    with pytest.raises(InputError, match=r"classifier.4.bias is missing"):
        load_cnn_weights(net, path)


def test_what_holds_no_weights_is_one_clear_line(nets, tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("made").write_text, ("x",))

    torch.save({"conv1.weight": Evil()}, tmp_path / "evil.pth")  # pickled code must not run
    torch.save(np.zeros(2).tolist(), tmp_path / "list.pth")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("evil.pth", "list.pth", "text.safetensors", "missing.pth"):
        with pytest.raises(InputError) as caught:
            load_cnn_weights(nets[False], tmp_path / name)
        assert "\n" not in str(caught.value) and name in str(caught.value)
    assert not (tmp_path / "made").exists()
