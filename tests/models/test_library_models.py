"""Models that nobody here wrote: the plain model and the gradients it retains are the oracle.

They have random weights and small configurations. Where a library is missing, its models are
skipped, and the reason says so.
"""

import importlib
import importlib.util

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: make test PEERS=peers")


def images(size):
    return torch.randn(2, 3, size, size)


def tokens(length=12):
    return torch.randint(3, 50, (2, length))


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
    library = importlib.import_module("transformers")
    kind, config, options, batch, steps, classes = TRANSFORMERS[name]
    model = getattr(library, kind)(getattr(library, config)(**options))
    labels = tokens(6)
    inputs = {
        "text": lambda: {"input_ids": labels, "labels": labels},
        "sound": lambda: {"input_features": torch.randn(2, 8, 40), "labels": labels},
        "pictures": lambda: {"pixel_values": images(32), "labels": torch.tensor([1, 0])},
    }[batch]()
    return model, inputs, None, steps, classes


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
    library = importlib.import_module("torchvision.models")
    side, steps, classes = TORCHVISION[name]

    def loss(out):
        return torch.nn.functional.cross_entropy(out, torch.tensor([1, 2]))

    return getattr(library, name)(num_classes=5), images(side), loss, steps, classes


MODELS = [
    *(("transformers", of_transformers, name) for name in TRANSFORMERS),
    *(("torchvision", of_torchvision, name) for name in TORCHVISION),
]


@pytest.mark.filterwarnings("ignore")  # of the libraries' own
@pytest.mark.parametrize("library, make, name", MODELS, ids=[name for *_, name in MODELS])
def test_the_same_loss_and_the_gradients_that_the_plain_model_retains(library, make, name):
    from gradtrace.torch import trace

    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install {library}")
    torch.manual_seed(0)
    model, inputs, loss, steps, classes = make(name)
    model.train()  # with dropout and batch statistics
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.get_rng_state()
    log = trace(model, inputs, loss)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert log.anomalies == ()
    named = dict(model.named_modules())
    called = [named[name] for name in log.names]
    assert len(log.names) == steps
    assert {type(module).__name__ for module in called} == classes

    states = []

    def keep(module, args, kwargs):
        state = [*args, *kwargs.values()][0]
        states.append([state] if isinstance(state, torch.Tensor) else [*state])
        for tensor in states[-1]:
            tensor.retain_grad()

    for module in dict.fromkeys(called):
        module.register_forward_pre_hook(keep, with_kwargs=True)
    if isinstance(inputs, torch.Tensor):
        inputs = inputs.requires_grad_()
    else:
        inputs = {
            key: t.requires_grad_() if t.is_floating_point() else t for key, t in inputs.items()
        }
    out = model(**inputs) if isinstance(inputs, dict) else model(inputs)
    total = out.loss if loss is None else loss(out)
    assert total.item() == log.loss
    total.backward()
    squares = [sum(t.grad.double().square().sum().item() for t in some) for some in states]
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(log.log_h[:-1], np.log(squares) / 2, rtol=1e-6, atol=1e-6)
    covered = {p for module in called for p in module.parameters()}
    share = sum(p.numel() for p in covered) / sum(p.numel() for p in model.parameters())
    assert log.coverage == pytest.approx(share)
    for name, logs in log.log_p.items():
        for module, of_step in zip(called, logs, strict=True):
            p = dict(module.named_parameters()).get(name)
            if p is not None and np.isfinite(of_step) and called.count(module) == 1:
                wanted = p.grad.double().norm().log().item()
                np.testing.assert_allclose(of_step, wanted, atol=1e-4)
