"""Qwen2-VL and its kin: loading, freezing, adapters, and saving again as a complete Hugging Face directory."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ain import UserError
from ain.model.processor import Processor
from ain.runtime.console import log
from ain.runtime.paths import install_hint

ATTENTION = ("auto", "flash_attention_2", "flash_attention_3", "sdpa", "eager")
DTYPES = ("float32", "bfloat16")
LORA = ("rank", "alpha", "dropout", "target_modules")
_WEIGHTS = (".safetensors", ".bin", ".pt", ".index.json")


class Qwen2VL:
    """A checkpoint of the Qwen2-VL class to train; all its parameters, less the parts that are frozen.

    dtype: of the weights in training. In bfloat16 an update of a small learning rate is lost to rounding, so they are kept
    in float32 and only the arithmetic is bfloat16. export_dtype: of the weights that are saved. attention: auto |
    flash_attention_2 | flash_attention_3 | sdpa | eager. lora: rank, alpha, dropout and target_modules of adapters that are
    trained instead of the weights and merged into them in the end. architecture: the model's size, for those who plan
    without its checkpoint at hand.
    """

    def __init__(
        self,
        checkpoint: str,
        processor: Processor,
        dtype: str = "float32",
        export_dtype: str = "bfloat16",
        freeze_vision: bool = False,
        freeze_merger: bool = False,
        freeze_language: bool = False,
        attention: str = "auto",
        gradient_checkpointing: bool = False,
        liger: bool = False,
        lora: dict[str, Any] | None = None,
        architecture: dict[str, Any] | None = None,
    ) -> None:
        if attention not in ATTENTION:
            raise UserError(f"model.attention={attention}: choose one of {', '.join(ATTENTION)}")
        if lora is not None and set(lora) != set(LORA):
            raise UserError(
                f"model.lora: give {', '.join(LORA)}, as in "
                "model.lora='{rank: 64, alpha: 128, dropout: 0.0, target_modules: all-linear}'"
            )
        for name, value in (("dtype", dtype), ("export_dtype", export_dtype)):
            if value not in DTYPES:
                raise UserError(f"model.{name}={value}: choose one of {', '.join(DTYPES)}")
        for wanted, package, extra in ((lora, "peft", "lora"), (liger, "liger_kernel", "liger")):
            if wanted and find_spec(package) is None:
                raise UserError(f"model.{extra}: {package} is not installed; {install_hint(extra)}")
        self.checkpoint = checkpoint
        self.processor = processor
        self.dtype = dtype
        self.export_dtype = export_dtype
        self.frozen = {"vision": freeze_vision, "merger": freeze_merger, "language": freeze_language}
        self.attention = attention
        self.gradient_checkpointing = gradient_checkpointing
        self.liger = liger
        self.lora = lora
        self.architecture = architecture

    def check(self, gpu: bool, half: bool) -> None:
        """Refuses attention and kernels that cannot run here. half: whether the arithmetic is bfloat16."""
        from ain.model.attention import choose

        choose(self.attention, gpu, half)
        if self.liger and not gpu:
            raise UserError("model.liger=true: its kernels need a GPU; say model.liger=false")

    def load(self, gpu: bool = False, half: bool = False, say: bool = True) -> Any:
        """The model, ready to train; says on standard error which attention was chosen and why."""
        from ain.model.attention import choose, register

        self.check(gpu, half)
        register()
        chosen, why = choose(self.attention, gpu, half)
        if say:
            log.info(f"attention: {chosen} ({why})")
        model = _loaded(self.checkpoint, self.dtype)
        vision = chosen if chosen.startswith("flash") else chosen.removesuffix("_packed")
        model.set_attn_implementation({"text_config": chosen, "vision_config": vision})
        if self.liger:
            _liger(model)
        if self.lora:
            model = self._adapted(model).base_model.model
        self._freeze(model)
        if self.gradient_checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        return model

    def _freeze(self, model: Any) -> None:
        for name, parameter in model.named_parameters():
            parameter.requires_grad = not self.frozen[part_of(name)] and (not self.lora or "lora_" in name)
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise UserError(
                "everything is frozen, so there is nothing to train; set model.freeze_vision, freeze_merger "
                "or freeze_language to false"
            )

    def _adapted(self, model: Any) -> Any:
        from peft import LoraConfig, get_peft_model

        assert self.lora is not None
        settings = {"r": self.lora["rank"], "lora_alpha": self.lora["alpha"], "lora_dropout": self.lora["dropout"]}
        try:
            return get_peft_model(model, LoraConfig(**settings, target_modules=self.lora["target_modules"]))
        except ValueError as error:  # no such modules
            raise UserError(f"model.lora: {str(error).splitlines()[0]}") from None

    def adapter_parameters(self, config: Any) -> int:
        """How many parameters the adapters have, counted without memory."""
        import torch
        from transformers import AutoModelForImageTextToText

        with torch.device("meta"):
            adapted = self._adapted(AutoModelForImageTextToText.from_config(config))
        return sum(p.numel() for name, p in adapted.named_parameters() if "lora_" in name)

    def trained(self, weights: dict[str, Any]) -> Any:
        """The model with weights as training left them, in float32, adapters merged. A weight that does not fit is refused."""
        import torch
        from transformers import AutoConfig, AutoModelForImageTextToText

        config = AutoConfig.from_pretrained(self.checkpoint)
        model: Any = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
        adapted = self._adapted(model) if self.lora else None
        holder = adapted.base_model.model if adapted is not None else model
        missing, unexpected = holder.load_state_dict(weights, strict=False)
        tied = set(model.all_tied_weights_keys) if hasattr(model, "all_tied_weights_keys") else {"lm_head.weight"}
        if wrong := [*(set(missing) - tied), *unexpected]:
            raise RuntimeError(f"the training's weights do not fit the model: {wrong[0]} and {len(wrong) - 1} others")
        model = adapted.merge_and_unload() if adapted is not None else model
        model.tie_weights()
        return model.eval()

    def reload(self, directory: Path) -> Any:
        """What `export` saved."""
        return _loaded(str(directory), self.export_dtype)

    def export(self, model: Any, directory: Path) -> None:
        """Weights, configuration and every processor file of the base, so that `AutoProcessor` loads the result too.

        The model's weights are brought to the export's dtype; buffers such as rotary frequencies stay as they are, as
        they do when it is loaded.
        """
        import torch

        for parameter in model.parameters():
            parameter.data = parameter.data.to(getattr(torch, self.export_dtype))
        model.config.dtype = getattr(torch, self.export_dtype)
        model.save_pretrained(directory)
        for file in Path(self.checkpoint).iterdir():
            if not file.is_file() or file.name.endswith(_WEIGHTS) or file.name == "README.md":
                continue
            if file.name == "generation_config.json" or not (directory / file.name).exists():
                shutil.copy(file, directory / file.name)


def _loaded(checkpoint: str, dtype: str) -> Any:
    """A checkpoint that lacks a weight, or has one too many, is refused."""
    import torch
    from transformers import AutoModelForImageTextToText

    loader: Any = AutoModelForImageTextToText
    model, info = loader.from_pretrained(checkpoint, dtype=getattr(torch, dtype), output_loading_info=True)
    wrong = [str(key) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in sorted(info[kind])]
    if wrong:
        raise UserError(
            f"{checkpoint}: not a checkpoint of this model: {wrong[0]} and {len(wrong) - 1} other weights do not fit"
        )
    return model


def _liger(model: Any) -> None:
    """Fused kernels for norms, rotary positions and feed-forward layers. The loss is ours: it sees answers alone."""
    try:
        from liger_kernel.transformers import apply_liger_kernel_to_qwen2_vl
    except ImportError as error:
        raise UserError(f"model.liger=true: liger-kernel does not go with this transformers: {error}") from None
    apply_liger_kernel_to_qwen2_vl(fused_linear_cross_entropy=False, cross_entropy=False, model=model)


def part_of(parameter: str) -> str:
    """vision | merger | language: the part of the model that a parameter's name belongs to."""
    if ".visual." in f".{parameter}":
        return "merger" if ".merger." in parameter else "vision"
    return "language"
