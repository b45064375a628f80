"""A tiny random LLaVA-OneVision, the class of LlavaGuard, with every file that its processor needs."""

from pathlib import Path

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + ' ' }}"
    "{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}"
    "{{ '<image>' if part.type == 'image' else part.text }}{% endfor %}{% endif %}{{ '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant ' }}{% endif %}"
)


def save(path: Path) -> None:
    import torch
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
        PreTrainedTokenizerFast,
    )

    from ain.miniature.tiny import byte_pairs

    torch.manual_seed(0)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs(["Is it safe? user assistant"], 300, special),
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=special[1:],
    )
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlavaOnevisionConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            **size,
            "image_size": 28,
            "patch_size": 14,
            "vision_use_head": False,
        },
        text_config={"model_type": "qwen2", **size, "num_key_value_heads": 2, "vocab_size": len(tokenizer)},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=[[28, 28], [28, 56], [56, 28], [56, 56]],
    )
    model = LlavaOnevisionForConditionalGeneration(config)
    for parameter in model.parameters():  # at the initial scale it would answer the same for every image
        parameter.data.mul_(4)
    model.save_pretrained(path)
    image = {"size": {"height": 28, "width": 28}, "image_grid_pinpoints": config.image_grid_pinpoints}
    LlavaOnevisionProcessor(
        image_processor=LlavaOnevisionImageProcessor(**image),
        video_processor=LlavaOnevisionVideoProcessor(size=image["size"]),
        tokenizer=tokenizer,
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=TEMPLATE,
    ).save_pretrained(path)
