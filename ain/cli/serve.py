"""`ain serve`: answer OpenAI's protocol with a local checkpoint or any predictor, for evaluation harnesses and other clients."""

import asyncio
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ain import UserError
from ain.cli.checkpoint import DEVICES, HELP, check_device, local_model, located
from ain.cli.parser import Parser

if TYPE_CHECKING:
    from ain.chat import LanguageModel

_ABOUT = """\
Serve a model: /v1/chat/completions (images as data: URLs), /v1/completions (with log-probabilities; of a checkpoint on this
machine) and /v1/models. Requests that wait together are answered in batches, and all answers are greedy. Ctrl-C ends.

  ain serve DIRECTORY --port 8000
  ain serve predictor=openai_compatible predictor.model=NAME predictor.how.base_url=URL
  ain translate translator=openai_compatible translator.model=NAME translator.how.base_url=http://127.0.0.1:8000/v1

The last line of standard output is the address. No key is asked for: leave the host as it is on a shared machine."""
_SETTINGS = ("predictor=", "predictor.")


def main(words: list[str]) -> None:
    settings = [word for word in words if word.lstrip("+~").startswith(_SETTINGS)]
    given = _given([word for word in words if word not in settings])
    if given.checkpoint is None and not settings:
        raise UserError("serve: no model; give a CHECKPOINT, or choose one with predictor=NAME; see ain serve --help")

    from ain.runtime.console import log, results
    from ain.server.serving import serve

    out = results()
    if settings:
        model, usual = _configured(settings, given)
    else:
        model = local_model(given.checkpoint, given.output_dir, given.device, batch_size=given.batch_size)
        usual = given.checkpoint
    name = given.name or Path(usual.rstrip("/")).name

    def ready(address: str) -> None:
        log.info(f"serving {name}; Ctrl-C ends")
        print(address, file=out, flush=True)

    asyncio.run(serve(model, name, given.host, given.port, ready))


def _given(words: list[str]) -> Namespace:
    parser = Parser("serve", _ABOUT)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", nargs="?", help=HELP)
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="0: any that is free (8000)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1, this machine alone)")
    parser.add_argument("--name", help="the model's name (that of the directory, or of predictor.model)")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N", help="requests in one batch (16)")
    parser.add_argument("--device", default="auto", help=DEVICES)
    given = parser.read(words)
    if not 0 <= given.port < 65_536:
        raise UserError(f"--port {given.port}: expected a number between 0 and 65535")
    if given.batch_size < 1:
        raise UserError(f"--batch-size {given.batch_size}: expected a whole number of at least 1")
    check_device(given.device)
    return given


def _configured(settings: list[str], given: Namespace) -> tuple["LanguageModel", str]:
    """Return the model that `predictor` configures, and its usual name. Raise UserError for one that cannot serve."""
    from hydra import compose, initialize_config_dir

    from ain.chat.checkpoint import CheckpointModel
    from ain.cli.arguments import arguments
    from ain.model.families import processor
    from ain.pipeline.build import component
    from ain.runtime.paths import CONF

    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", overrides=arguments(["predict", *settings]))
    model: Any = component(cfg, "predictor")
    if isinstance(model, CheckpointModel):
        named = given.checkpoint or model.checkpoint
        if named is None:
            raise UserError(
                "serve: this predictor needs a checkpoint; give one, as in ain serve DIRECTORY predictor=vllm"
            )
        directory = located(named, given.output_dir)
        model.checkpoint = None
        return model.with_checkpoint(directory, processor(directory)), named
    if given.checkpoint:
        raise UserError(f"{given.checkpoint}: this predictor takes no checkpoint; leave one of both out")
    _refuse(model)
    return model, str(cfg.predictor.get("model") or "predictor")


def _refuse(model: Any) -> None:
    """Raise UserError for a model behind a server that was shut down, lacks its key, or has no limit of its cost."""
    if model.gone:
        raise model.gone
    if getattr(model, "batch_api", False):
        raise UserError("predictor.how.batch_api=true: batches take hours, and clients wait; leave it out")
    if model.price is not None and model.max_cost_usd <= 0:
        raise UserError(
            "this costs money: set predictor.how.max_cost_usd to the dollars that may be spent until the server ends"
        )
    if (endpoint := getattr(model, "endpoint", None)) and (unset := endpoint.missing_key()):
        raise UserError(unset)
