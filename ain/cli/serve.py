"""`ain serve CHECKPOINT`: answer OpenAI's protocol with a local checkpoint, for evaluation harnesses and other clients."""

import asyncio
from pathlib import Path

from ain import UserError
from ain.cli.checkpoint import DEVICES, HELP, check_device, local_model
from ain.cli.parser import Parser

_ABOUT = """\
Serve a checkpoint on this machine: /v1/chat/completions (images as data: URLs), /v1/completions (with log-probabilities)
and /v1/models. Requests that wait together are answered in batches, and all answers are greedy. Ctrl-C ends.

  ain serve DIRECTORY --port 8000
  ain translate translator=openai_compatible translator.model=NAME translator.how.base_url=http://127.0.0.1:8000/v1

The last line of standard output is the address. No key is asked for: leave the host as it is on a shared machine."""


def main(words: list[str]) -> None:
    parser = Parser("serve", _ABOUT)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help=HELP)
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="0: any that is free (8000)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1, this machine alone)")
    parser.add_argument("--name", help="the model's name (that of the directory)")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N", help="requests in one batch (16)")
    parser.add_argument("--device", default="auto", help=DEVICES)
    given = parser.read(words)
    if not 0 <= given.port < 65_536:
        raise UserError(f"--port {given.port}: expected a number between 0 and 65535")
    if given.batch_size < 1:
        raise UserError(f"--batch-size {given.batch_size}: expected a whole number of at least 1")
    check_device(given.device)

    from ain.runtime.console import log, results
    from ain.server.serving import serve

    out = results()
    model = local_model(given.checkpoint, given.output_dir, given.device, batch_size=given.batch_size)
    name = given.name or Path(given.checkpoint.rstrip("/")).name

    def ready(address: str) -> None:
        log.info(f"serving {name}; Ctrl-C ends")
        print(address, file=out, flush=True)

    asyncio.run(serve(model, name, given.host, given.port, ready))
