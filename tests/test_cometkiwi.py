"""Our CometKiwi gives the scores of the original COMET package, and refuses inputs that would make them wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_comet
import torch

from ain import UserError
from ain.verifier.cometkiwi import CometKiwi, sparsemax

ORIGINAL = json.loads((Path(__file__).parent / "data" / "cometkiwi.json").read_text(encoding="utf-8"))["scores"]


def scored(checkpoint: Path, batch_size: int = 4) -> np.ndarray:
    return CometKiwi(str(checkpoint), batch_size, "cpu").score(tiny_comet.PAIRS)


@pytest.mark.parametrize("variant", sorted(tiny_comet.VARIANTS))
def test_scores_are_those_of_the_original_package(variant: str, tmp_path: Path) -> None:
    """Compared with scores from benchmarks/cometkiwi_peer.py on the same pairs, with empty and too long texts among them."""
    made = scored(tiny_comet.build(variant, tmp_path))
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, ORIGINAL[variant], rtol=0, atol=1e-5)


def test_the_stored_scores_tell_the_variants_and_the_pairs_apart() -> None:
    """Otherwise a wrong layer mix or truncation would go unnoticed. Only one duplicate and two truncated pairs are equal."""
    assert np.abs(np.subtract(ORIGINAL["sparsemax"], ORIGINAL["released"])).min() > 1e-3
    for scores in ORIGINAL.values():
        assert len({round(score, 5) for score in scores}) == len(tiny_comet.PAIRS) - 2


def test_batches_do_not_change_scores_or_their_order(tmp_path: Path) -> None:
    checkpoint = tiny_comet.build("sparsemax", tmp_path)
    np.testing.assert_allclose(scored(checkpoint, 1), scored(checkpoint, 64), rtol=0, atol=1e-5)


def test_no_pairs_are_no_scores(tmp_path: Path) -> None:
    assert CometKiwi(str(tmp_path)).score([]).shape == (0,)


def test_sparsemax_is_the_nearest_point_of_the_simplex() -> None:
    shares = sparsemax(torch.tensor([0.2, 0.7, -0.5, 0.4]))
    torch.testing.assert_close(shares, torch.tensor([0.1, 0.6, 0.0, 0.3]))
    torch.testing.assert_close(sparsemax(torch.zeros(25)), torch.full((25,), 0.04))
    torch.testing.assert_close(sparsemax(torch.tensor([5.0, 1.0])), torch.tensor([1.0, 0.0]))


def changed(checkpoint: Path, **weights: torch.Tensor | None) -> Path:
    """Return the same checkpoint with these weights set, or removed if None."""
    path = checkpoint / "checkpoints" / "model.ckpt"
    saved = torch.load(path, weights_only=True)
    saved["state_dict"] = {k: v for k, v in {**saved["state_dict"], **weights}.items() if v is not None}
    torch.save(saved, path)
    return checkpoint


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        ("estimator.ff.0.bias", None),
        ("encoder.model.encoder.layer.1.output.dense.weight", None),
        ("layerwise_attention.scalar_parameters.2", None),
        ("estimator.ff.9.weight", torch.zeros(1)),
        ("estimator.ff.3.weight", torch.zeros(2, 2)),
    ],
)
def test_weights_that_do_not_fit_are_refused(name: str, weight: torch.Tensor | None, tmp_path: Path) -> None:
    """COMET itself loads such weights and scores with whatever is left."""
    checkpoint = changed(tiny_comet.build("sparsemax", tmp_path), **{name: weight})
    with pytest.raises(UserError, match=name):
        scored(checkpoint)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("encoder_model", "XLM-RoBERTa-XL", "encoder_model is XLM-RoBERTa-XL; known are XLM-RoBERTa"),
        ("layer_transformation", "entmax", "layer_transformation is entmax"),
        ("input_segments", ["mt", "ref"], "needs references"),
    ],
)
def test_models_of_another_kind_are_refused(
    setting: str, value: object, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tiny_comet.VARIANTS, "other", {**tiny_comet.VARIANTS["sparsemax"], setting: value})
    with pytest.raises(UserError, match=said):
        scored(tiny_comet.build("other", tmp_path))


def test_a_file_with_code_in_it_is_never_run(tmp_path: Path) -> None:
    checkpoint = tiny_comet.build("sparsemax", tmp_path)
    torch.save({"state_dict": {}, "hyper_parameters": {"path": tmp_path}}, checkpoint / "checkpoints" / "model.ckpt")
    with pytest.raises(UserError, match="no plain weights file"):
        scored(checkpoint)


def test_a_directory_that_holds_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no hparams\.yaml"):
        scored(tmp_path)


def test_an_encoder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    """transformers would continue with an empty vocabulary, and all pairs of the same length would score the same."""
    checkpoint = tiny_comet.build("sparsemax", tmp_path)
    (tmp_path / "encoder" / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="has no tokenizer"):
        scored(checkpoint)


@pytest.mark.parametrize("name", ["Unbabel/wmt22-cometkiwi-da", "Unbabel/wmt22-cometkiwi-da@main"])
def test_a_gated_model_that_cannot_be_fetched_says_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"accept the licence .* set HF_TOKEN") as refusal:
        CometKiwi(name).score([("cat", "قطة")])
    assert str(refusal.value).startswith(name)
    assert "\n" not in str(refusal.value)
