"""Encoder-decoder translators of `transformers`, such as Marian (OPUS-MT and the miniature) and NLLB."""

from functools import cached_property
from typing import Any

from ain.runtime.batching import batches
from ain.runtime.ranges import Positive, Share
from ain.text.languages import LanguageCode, Options
from ain.translator.text_translator import TextTranslator


class Seq2Seq(TextTranslator):
    """Translates with a checkpoint of any sequence-to-sequence class.

    Args:
        target: code of the language to translate into.
        source_language, target_language: the checkpoint's own language codes, if it has them.
        prefix: text to put before each text.
        corrupt: share of records to corrupt, for each kind in `ain.text.corruption`.
        options: whose letters options get; auto: those of the target language.
    """

    def __init__(
        self,
        checkpoint: str,
        target: LanguageCode = "ar",
        source_language: str | None = None,
        target_language: str | None = None,
        prefix: str = "",
        num_beams: Positive = 1,
        max_new_tokens: Positive = 256,
        corrupt: dict[str, Share] | None = None,
        options: Options = "auto",
        batch_size: Positive = 32,
        device: str = "auto",
    ) -> None:
        self.checkpoint = checkpoint
        self.target = target
        self.source_language, self.target_language = source_language, target_language
        self.prefix = prefix
        self.num_beams = num_beams
        self.max_new_tokens = max_new_tokens
        self.corrupt = corrupt or {}
        self.options = options
        self.batch_size = batch_size
        self.device = device

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        codes = {"src_lang": self.source_language, "tgt_lang": self.target_language} if self.source_language else {}
        return AutoTokenizer.from_pretrained(self.checkpoint, **codes)

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModelForSeq2SeqLM

        from ain.runtime.device import chosen

        return AutoModelForSeq2SeqLM.from_pretrained(self.checkpoint).to(chosen(self.device)).eval()

    def translate(self, texts: list[str]) -> list[str | None]:
        """Return one translation per text, in order; None if the text or its translation was cut off.

        Batches are filled by length to reduce padding.
        """
        made: list[str | None] = [None] * len(texts)
        for batch in batches([(-len(text), text) for text in texts], self.batch_size):
            for i, translation in zip(batch, self._batch([self.prefix + texts[i] for i in batch]), strict=True):
                made[i] = translation
        return made

    def _batch(self, texts: list[str]) -> list[str | None]:
        import torch

        limit = getattr(self._model.config, "max_position_embeddings", 512)
        encoded = self._tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt").to(
            self._model.device
        )
        encoded.pop("token_type_ids", None)
        forced = (
            {"forced_bos_token_id": self._tokenizer.convert_tokens_to_ids(self.target_language)}
            if self.target_language
            else {}
        )
        with torch.inference_mode():
            out = self._model.generate(
                **encoded, num_beams=self.num_beams, do_sample=False, max_new_tokens=self.max_new_tokens, **forced
            )
        whole = encoded["attention_mask"].sum(dim=1) < limit
        # The first token only starts the decoder, and some checkpoints force the last one allowed to be an end token.
        ended = (out[:, 1 : self.max_new_tokens] == self._tokenizer.eos_token_id).any(dim=1)
        made = self._tokenizer.batch_decode(out, skip_special_tokens=True)
        return [text.strip() if fits else None for text, fits in zip(made, (whole & ended).tolist(), strict=True)]
