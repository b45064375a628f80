"""List the renamed keys, choices and commands, so that an old name is refused with the new one."""

COMMANDS = {"pack": "tokenize", "evaluate_base": "evaluate models=[base]"}

CHOICES = {"predictor=transformers": "predictor=local", "experiment=ain/spoiled": "experiment=ain/corrupted"}

# Old key → new key within its group, also where the group is nested in another.
KEYS = {
    "translator.spoil": "translator.corrupt",
    "translator.unit": "translator.granularity",
    "translator.answer": "translator.response_format",
    "translator.retry": "translator.retry_on",
    "translator.structured": "translator.structured_output",
    "translator.to": "translator.target",
    "translator.how.give_up": "translator.how.skip_unanswered",
    "translator.how.patience_s": "translator.how.max_outage_s",
    "translator.how.tries": "translator.how.max_attempts",
    "screener.structured": "screener.structured_output",
    "screener.near": "screener.near_duplicate_bits",
    "screener.how.give_up": "screener.how.skip_unanswered",
    "screener.how.patience_s": "screener.how.max_outage_s",
    "screener.how.tries": "screener.how.max_attempts",
    "thresholds.script": "thresholds.min_script_ratio",
    "thresholds.latin": "thresholds.max_latin_run",
    "thresholds.repetition": "thresholds.max_repetition",
    "mixture.pictures": "mixture.images",
    "benchmark.pictures": "benchmark.images",
    "model.freeze_merger": "model.freeze_projector",
    "model.processor.cutoff": "model.processor.max_length",
    "objective.warmup": "objective.warmup_ratio",
    "trainer.row_tokens": "trainer.pack_length",
    "trainer.accumulate": "trainer.accumulate_grad_batches",
    "trainer.clip": "trainer.gradient_clip_val",
    "trainer.checkpoint_every": "trainer.every_n_train_steps",
    "trainer.how.workers": "trainer.how.num_workers",
    "trainer.how.show": "trainer.how.sample_answers",
    "trainer.how.utilisation": "trainer.how.mfu",
}


def renamed(key: str) -> str | None:
    """Return the new name of an old key such as `back_translation.translator.unit`, or None if it was not renamed."""
    for old, new in KEYS.items():
        at = f".{key}.".find(f".{old}.")
        if at >= 0:
            return key[:at] + new + key[at + len(old) :]
    return None
