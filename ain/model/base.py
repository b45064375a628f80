"""The interface of a model family. Each family is a package beside this module, named after its `model_type`."""

from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from ain import UserError
from ain.model.processor import Batch, Processor
from ain.model.size import Counts, Size, VisionShape, counts, size
from ain.model.weights import copy_files, loaded, put
from ain.runtime.console import log

Part = Literal["vision", "projector", "language"]
DType = Literal["float32", "bfloat16"]
Attention = Literal["auto", "flash_attention_2", "flash_attention_3", "varlen_packed", "sdpa", "eager"]


class LoRA(TypedDict):
    """Adapters that are trained instead of the weights and merged into them at the end."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    rank: Annotated[int, Field(ge=1)]
    alpha: Annotated[float, Field(gt=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    target_modules: str | list[str]


class ModelFamily(ABC):
    """A checkpoint to train: all its parameters, except those of frozen parts.

    dtype: of the weights in training. In bfloat16, rounding would lose the updates of a small learning rate, so weights
    are kept in float32 and only the computation is in bfloat16. export_dtype: of the saved weights. architecture: the
    model's configuration, for planning without the checkpoint; it is valid only for the checkpoint that its key `of`
    names.
    """

    model_type: ClassVar[str]  # as in its transformers configuration
    attentions: ClassVar[tuple[str, ...]] = (
        "flash_attention_2",
        "varlen_packed",
        "sdpa_packed",
    )  # all that packed rows can run with, besides eager; best first, and the last runs anywhere
    generation_attention: ClassVar[str] = "sdpa"
    leak: ClassVar[str | None] = None  # why samples in one row would see each other; None if they do not

    def __init__(
        self,
        checkpoint: str,
        processor: Processor,
        dtype: DType = "float32",
        export_dtype: DType = "bfloat16",
        freeze_vision: bool = False,
        freeze_projector: bool = False,
        freeze_language: bool = False,
        attention: Attention = "auto",
        gradient_checkpointing: bool = False,
        liger: bool = False,
        lora: LoRA | None = None,
        architecture: dict[str, Any] | None = None,
    ) -> None:
        for wanted, package, extra in ((lora, "peft", "lora"), (liger, "liger_kernel", "liger")):
            if wanted and find_spec(package) is None:
                raise UserError(f"model.{extra}: {package} is not installed; run pip install -e '.[{extra}]'")
        if freeze_vision and freeze_projector and freeze_language:
            raise UserError(
                "model: all parts are frozen; set freeze_vision, freeze_projector or freeze_language to false"
            )
        self.checkpoint, self.processor = checkpoint, processor
        self.dtype, self.export_dtype = dtype, export_dtype
        self.frozen = {"vision": freeze_vision, "projector": freeze_projector, "language": freeze_language}
        self.attention, self.gradient_checkpointing, self.liger = attention, gradient_checkpointing, liger
        self.lora, self.architecture = lora, architecture

    @abstractmethod
    def part(self, parameter: str) -> Part:
        """Return the part of the model that a parameter belongs to, by its name."""

    @abstractmethod
    def hidden(self, model: Any, batch: Batch) -> Any:
        """Return the last hidden states of a row from the processor's `pack`: [tokens, width]."""

    @abstractmethod
    def vision(self, config: Any) -> VisionShape:
        """Return the dimensions of the vision tower."""

    def logits(self, model: Any, hidden: Any) -> Any:
        """Return the logits [tokens, vocabulary], with everything the model applies to them, such as soft-capping."""
        return model.lm_head(hidden)

    def check(self, gpu: bool, bf16: bool, shared_rows: bool = False) -> None:
        """Raise UserError for settings that cannot run here.

        bf16: whether the computation is in bfloat16; shared_rows: whether samples share rows.
        """
        from ain.model.attention import choose

        choose(self.attention, gpu, bf16, self.attentions)
        if self.liger and not gpu:
            raise UserError("model.liger=true: its kernels need a GPU; set model.liger=false")
        if self.leak and shared_rows:
            raise UserError(
                f"trainer.packing=true: samples of a {self.model_type} model cannot share a row: {self.leak}; "
                "set trainer.packing=false trainer.batch_size=1"
            )

    def load(self, gpu: bool = False, bf16: bool = False, say: bool = True) -> Any:
        """Return the model, ready to train; log which attention was chosen and why."""
        from ain.model.attention import choose, use

        self.check(gpu, bf16)
        chosen, why = choose(self.attention, gpu, bf16, self.attentions)
        if say:
            log.info(f"attention: {chosen} ({why})")
        model = loaded(self.checkpoint, self.model_type, self.dtype)
        use(model, chosen)
        if self.liger:
            self._liger(model)
        if self.lora:
            model = self._adapted(model).base_model.model
        for name, parameter in model.named_parameters():
            parameter.requires_grad = not self.frozen[self.part(name)] and (not self.lora or "lora_" in name)
        if self.gradient_checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        return model

    def _liger(self, model: Any) -> None:
        """Use fused kernels for norms, rotary positions and feed-forward layers; our own loss covers only answers."""
        try:
            import liger_kernel.transformers as liger

            apply = getattr(liger, f"apply_liger_kernel_to_{self.model_type}")
        except (ImportError, AttributeError) as error:
            raise UserError(f"model.liger=true: liger-kernel does not support this model: {error}") from None
        apply(fused_linear_cross_entropy=False, cross_entropy=False, model=model)

    def _adapted(self, model: Any) -> Any:
        from peft import LoraConfig, get_peft_model

        assert self.lora is not None
        rank, alpha, dropout = self.lora["rank"], self.lora["alpha"], self.lora["dropout"]
        modules = self.lora["target_modules"]
        config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=modules)  # type: ignore[arg-type]
        try:
            return get_peft_model(model, config)
        except ValueError as error:  # no such modules
            raise UserError(f"model.lora: {str(error).splitlines()[0]}") from None

    def planned(self) -> Any:
        """Return the configuration of a local checkpoint, or from `architecture`; None if it is unknown."""
        from transformers import AutoConfig

        if Path(self.checkpoint).is_dir():
            return AutoConfig.from_pretrained(self.checkpoint)
        known = dict(self.architecture or {})
        return AutoConfig.for_model(self.model_type, **known) if known.pop("of", None) == self.checkpoint else None

    def size(self, config: Any) -> Size:
        return size(config, self.part, self.vision(config))

    def trainable(self, config: Any) -> int:
        """Return the number of trained parameters, counted without allocating memory for them."""
        import torch
        from transformers import AutoModelForImageTextToText

        if not self.lora:
            found: Counts = counts(config, self.part)
            parts = {"vision": found.vision, "projector": found.projector}
            parts["language"] = found.language + found.embedding + found.head
            return sum(count for part, count in parts.items() if not self.frozen[part])
        with torch.device("meta"):
            adapted = self._adapted(AutoModelForImageTextToText.from_config(config)).base_model.model
        named = adapted.named_parameters()
        return sum(p.numel() for name, p in named if "lora_" in name and not self.frozen[self.part(name)])

    def trained(self, weights: dict[str, Any]) -> Any:
        """Return the trained model in float32, adapters merged. Raise RuntimeError if a weight does not fit."""
        import torch
        from transformers import AutoConfig, AutoModelForImageTextToText

        config = AutoConfig.from_pretrained(self.checkpoint)
        model: Any = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
        adapted = self._adapted(model) if self.lora else None
        put(adapted.base_model.model if adapted is not None else model, weights)
        model = adapted.merge_and_unload() if adapted is not None else model
        model.tie_weights()
        return model.eval()

    def export(self, model: Any, directory: Path) -> None:
        """Save weights, configuration, and the base's processor and generation files, so that `AutoProcessor` loads it too.

        Parameters are converted to the export's dtype. Buffers such as rotary frequencies keep theirs, as they do when
        the model is loaded.
        """
        import torch

        for parameter in model.parameters():
            parameter.data = parameter.data.to(getattr(torch, self.export_dtype))
        model.config.dtype = getattr(torch, self.export_dtype)
        model.save_pretrained(directory)
        copy_files(self.checkpoint, directory)

    def reload(self, directory: Path) -> Any:
        """Load what `export` saved."""
        return loaded(str(directory), self.model_type, self.export_dtype)
