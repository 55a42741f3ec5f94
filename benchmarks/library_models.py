"""Models that nobody here wrote, of transformers, torchvision and PyTorch itself.

They have random weights and small configurations.
"""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial


@dataclass(frozen=True)
class Case:
    """A model with a batch, and what a trace is expected to choose.

    Attributes
    ----------
    model, inputs, loss
        As ``trace`` takes them.
    steps : int
    classes : set of str
        The names of their classes.
    """

    model: object
    inputs: object
    loss: Callable | None
    steps: int
    classes: set[str]


# --- transformers: loss inside the model, keywords ---

HEADS = {"num_attention_heads": 2, "hidden_size": 16, "intermediate_size": 32}
TWO_STACKS = {
    "encoder_layers": 2,
    "decoder_layers": 2,
    "d_model": 16,
    "vocab_size": 50,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
}
IMAGE = {"num_labels": 2, "image_size": 32}

# Name: (class, configuration, its arguments, what a batch is, steps, their classes)
TRANSFORMERS = {
    "GPT-2": (
        *("GPT2LMHeadModel", "GPT2Config"),
        {"n_layer": 3, "n_head": 2, "n_embd": 16, "vocab_size": 50, "n_positions": 32},
        *("text", 3, {"GPT2Block"}),
    ),
    "Llama": (
        *("LlamaForCausalLM", "LlamaConfig"),
        {"num_hidden_layers": 3, "num_key_value_heads": 2, "vocab_size": 50, **HEADS},
        *("text", 3, {"LlamaDecoderLayer"}),
    ),
    "BERT": (
        *("BertForMaskedLM", "BertConfig"),
        {"num_hidden_layers": 3, "vocab_size": 50, **HEADS},
        *("text", 3, {"BertLayer"}),
    ),
    "T5": (
        *("T5ForConditionalGeneration", "T5Config"),
        {"num_layers": 2, "d_model": 16, "d_ff": 32, "num_heads": 2, "d_kv": 8, "vocab_size": 50}
        | {"decoder_start_token_id": 0},
        *("text", 4, {"T5Block"}),
    ),
    "Mamba": (
        *("MambaForCausalLM", "MambaConfig"),
        {"num_hidden_layers": 3, "hidden_size": 16, "vocab_size": 50, "state_size": 4},
        *("text", 3, {"MambaBlock"}),
    ),
    "BART": (
        *("BartForConditionalGeneration", "BartConfig"),
        TWO_STACKS | {"max_position_embeddings": 32},
        *("text", 4, {"BartEncoderLayer", "BartDecoderLayer"}),
    ),
    "Whisper": (
        *("WhisperForConditionalGeneration", "WhisperConfig"),
        TWO_STACKS
        | {"num_mel_bins": 8, "max_source_positions": 20, "max_target_positions": 16}
        | {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1},
        *("sound", 4, {"WhisperEncoderLayer", "WhisperDecoderLayer"}),
    ),
    "ViT": (
        *("ViTForImageClassification", "ViTConfig"),
        IMAGE | {"num_hidden_layers": 3, "patch_size": 8, **HEADS},
        *("pictures", 3, {"ViTLayer"}),
    ),
    "Swin": (
        *("SwinForImageClassification", "SwinConfig"),
        IMAGE
        | {"patch_size": 2, "embed_dim": 8, "depths": [2, 2, 4], "num_heads": [2, 2, 4]}
        | {"window_size": 4},
        *("pictures", 8, {"SwinLayer"}),
    ),
}


def of_transformers(name):
    import torch

    library = importlib.import_module("transformers")
    kind, config, options, batch, steps, classes = TRANSFORMERS[name]
    model = getattr(library, kind)(getattr(library, config)(**options))
    labels = torch.randint(3, 50, (2, 6))
    inputs = {
        "text": lambda: {"input_ids": labels, "labels": labels},
        "sound": lambda: {"input_features": torch.randn(2, 8, 40), "labels": labels},
        "pictures": lambda: {
            "pixel_values": torch.randn(2, 3, 32, 32),
            "labels": labels[0, :2] % 2,
        },
    }[batch]()
    return Case(model, inputs, None, steps, classes)


# --- torchvision ---

# Name: (side of the image, steps, their classes)
TORCHVISION = {
    "resnet18": (64, 8, {"BasicBlock"}),
    "resnet50": (64, 16, {"Bottleneck"}),
    "convnext_tiny": (64, 22, {"CNBlock", "Sequential", "Conv2dNormActivation"}),
    "densenet121": (64, 64, {"_DenseLayer", "_Transition", "Conv2d", "BatchNorm2d"}),
    "efficientnet_b0": (64, 18, {"MBConv", "Conv2dNormActivation"}),
    "mobilenet_v3_small": (64, 13, {"InvertedResidual", "Conv2dNormActivation"}),
    "swin_t": (64, 16, {"SwinTransformerBlock", "PatchMerging", "Sequential"}),
    "shufflenet_v2_x0_5": (64, 16, {"InvertedResidual"}),
}


def of_torchvision(name):
    import torch

    library = importlib.import_module("torchvision.models")
    side, steps, classes = TORCHVISION[name]

    def loss(out):
        return torch.nn.functional.cross_entropy(out, torch.tensor([1, 2]))

    model = getattr(library, name)(num_classes=5)
    return Case(model, torch.randn(2, 3, side, side), loss, steps, classes)


@cache
def importable_torchvision():
    """Let torchvision be imported where its wheel was made for CUDA, and PyTorch's was not.

    Then its operators are not loaded, and the import stops at two that it describes. They are
    declared here, without a body; no model of the list calls them. Returns what holds them.
    """
    import torch

    if importlib.util.find_spec("torchvision") is None:
        return None
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "nms does not exist" not in str(error):
            raise
        operators = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return operators


# --- PyTorch ---

# Name: (options of nn.LSTM, steps)
LENGTH = 8
LSTMS = {
    "LSTM, stacked": ({"num_layers": 3}, LENGTH),
    "LSTM, stacked, in two directions": (
        {"num_layers": 2, "bidirectional": True},
        4 * LENGTH,
    ),
}


def of_pytorch(name):
    import torch

    options, steps = LSTMS[name]
    model = torch.nn.LSTM(6, 10, **options)
    return Case(model, torch.randn(LENGTH, 4, 6), of_outputs, steps, {"LSTM"})


def of_outputs(out):
    """A loss on what an LSTM gives out at all times."""
    return out[0].square().mean()


# Name: (library, function that makes a case)
MODELS = {
    **{name: ("transformers", partial(of_transformers, name)) for name in TRANSFORMERS},
    **{name: ("torchvision", partial(of_torchvision, name)) for name in TORCHVISION},
    **{name: ("torch", partial(of_pytorch, name)) for name in LSTMS},
}
