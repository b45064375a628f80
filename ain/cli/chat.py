"""`ain chat CHECKPOINT [IMAGE]`: ask a local checkpoint questions. In a terminal it is a conversation; otherwise the
question is read from standard input and the answer is printed.
"""

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ain import UserError
from ain.cli.checkpoint import DEVICES, HELP, check_device, local_model
from ain.cli.parser import Parser

if TYPE_CHECKING:
    from ain.chat import Reply

_ABOUT = """\
Ask a checkpoint questions, in any language that it knows. In a terminal:

  /image FILE   show an image with the next question
  /new          begin a new conversation
  Ctrl-D        end

Otherwise the question comes from standard input:

  echo 'ماذا في الصورة؟' | ain chat DIRECTORY photo.jpg"""


def main(words: list[str]) -> None:
    parser = Parser("chat", _ABOUT)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help=HELP)
    parser.add_argument("image", metavar="IMAGE", nargs="?", type=Path, help="an image for the first question")
    parser.add_argument("--max-new-tokens", type=int, default=256, metavar="N", help="length of an answer (256)")
    parser.add_argument("--device", default="auto", help=DEVICES)
    given = parser.read(words)
    if given.max_new_tokens < 1:
        raise UserError(f"--max-new-tokens {given.max_new_tokens}: expected a whole number of at least 1")
    check_device(given.device)
    image = None if given.image is None else _image(given.image)

    from ain.runtime.console import results

    out = results()
    model = local_model(given.checkpoint, given.output_dir, given.device, max_new_tokens=given.max_new_tokens)
    conversation = Conversation(model, given.max_new_tokens)
    if image is not None:
        conversation.show(image)
    if sys.stdin.isatty():
        _talk(conversation, out)
        return
    question = sys.stdin.read().strip()
    if not question:
        raise UserError("chat: no question; write one to standard input, as in: echo 'ما هذا؟' | ain chat CHECKPOINT")
    _say(conversation.ask(question), out)


class Conversation:
    """Questions and answers so far. A question about shown images begins with them."""

    def __init__(self, model: Any, max_new_tokens: int) -> None:
        self.model, self.max_new_tokens = model, max_new_tokens
        self.messages: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []

    def show(self, image: bytes) -> None:
        """Add an image to the next question. Raises UserError if the model takes none."""
        from ain.chat import image_part

        if not self.model.sees:
            raise UserError(f"{self.model.named}: this model takes no images; leave the image out")
        self._images.append(image_part(image))

    def ask(self, question: str) -> "Reply":
        """Return the answer, which the next question can refer to."""
        from ain.chat import Request, user_message
        from ain.text.placeholders import IMAGE

        text = IMAGE * len(self._images) + question.replace(IMAGE, "")
        messages = [*self.messages, user_message(text, self._images)]
        replies: list[Reply] = []
        with tempfile.TemporaryDirectory() as nowhere:
            request = Request("", messages, self.max_new_tokens)
            self.model.generate([request], lambda _, reply: replies.append(reply), Path(nowhere))
        self._images = []
        self.messages = [*messages, {"role": "assistant", "content": [{"type": "text", "text": replies[0].text}]}]
        return replies[0]


def _say(reply: "Reply", out: Any) -> None:
    """Print the answer, and to standard error what is odd about it."""
    print(reply.text, file=out, flush=True)
    if reply.finish == "length":
        print("ain: the answer was cut; raise --max-new-tokens", file=sys.stderr)
    elif not reply.text:
        print("ain: the model's answer is empty", file=sys.stderr)


def _talk(conversation: Conversation, out: Any) -> None:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  lets input() edit its line
    while True:
        try:
            typed = input("> ").strip()
        except EOFError:
            print(file=out)
            return
        try:
            if typed == "/new":
                conversation.messages = []
            elif typed.startswith("/image"):
                conversation.show(_image(Path(typed.removeprefix("/image").strip())))
            elif typed:
                _say(conversation.ask(typed), out)
        except UserError as error:  # the conversation goes on
            print(f"ain: {error}", file=sys.stderr)


def _image(path: Path) -> bytes:
    """Return the image as upright PNG. Raises UserError, with the reason, for a file that is no readable image."""
    from ain.storage.files import open_regular
    from ain.storage.images import BadImage, checked, decode, png

    try:
        with open_regular(path.expanduser()) as file:
            data = file.read()
        checked(data)
    except (OSError, ValueError) as error:  # a name with a zero byte
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    except BadImage as error:
        raise UserError(f"{path}: {error}") from None
    return png(decode(data))
