"""Screening by vision chat models: one verdict per image, by a policy, parsed strictly (Section 2.2, Fig. 16).

The first round asks about every image that is not in the ledger. The second repeats those whose answer could not be
read, and says why. Images whose answers stay unreadable are held back for review.
"""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from PIL import Image
from pydantic import Field

from ain import UserError
from ain.chat import LanguageModel, Message, Reply, Request, image_part
from ain.chat.asking import Asking
from ain.chat.estimate import Estimate
from ain.chat.tokens import image_tokens, request_tokens
from ain.metrics.near_duplicates import BITS
from ain.runtime.progress import progress
from ain.screener import ImageSet
from ain.screener import policy as verdicts
from ain.storage.ledger import Ledger, key


class ChatScreener:
    """Asks a chat model for verdicts.

    Args:
        chat: the model to ask.
        policy: as in conf/policy.
        prompt: the text beside the image; {policy} stands for the policy's text.
        max_tokens: limit per answer.
        max_side: larger images are scaled down to this many pixels before they are sent.
        near_duplicate_bits: images whose perceptual hashes differ in at most this many bits share a verdict.
        wording: parts of the policy in the words that the model knows: opening, layout, steps, answer.
    """

    judges = True

    def __init__(
        self,
        chat: LanguageModel,
        policy: verdicts.Policy | None,
        prompt: str = "{policy}",
        max_tokens: Annotated[int, Field(gt=0)] = 300,
        max_side: Annotated[int, Field(gt=0)] = 1_024,
        near_duplicate_bits: Annotated[int, Field(ge=0, lt=BITS // 2)] | None = None,
        wording: verdicts.Wording | None = None,
    ) -> None:
        self.chat = chat
        self.codes = verdicts.categories(policy)
        worded: Any = {**(policy or {}), **(wording or {})}
        self.prompt = prompt.replace("{policy}", verdicts.text(worded))
        self.repair = worded["repair"]
        self.max_tokens, self.max_side, self.near_duplicate_bits = max_tokens, max_side, near_duplicate_bits
        self._schema = verdicts.schema(self.codes)
        self._shape = key(chat.identity, self.prompt, self.repair, max_tokens, max_side, list(self.codes))[:32]

    def digest(self) -> str | None:
        return self.chat.digest()

    @property
    def gone(self) -> UserError | None:
        return self.chat.gone

    def run(self, images: ImageSet, out: Path, engine: Any) -> "Judged":
        self.asking = Asking(self.chat, out, self._shape, self._read, engine)
        self._allow(images)
        started = time.perf_counter()

        def rounds() -> None:
            self._ask(images, self._first, "screen")
            self._ask(images, self._again, "ask again")

        self.asking.persist(rounds, "images")
        return Judged(self, time.perf_counter() - started)

    def _ask(self, images: ImageSet, messages: Callable[[str, ImageSet], list[Message] | None], what: str) -> None:
        def requests() -> Iterator[list[Request]]:
            for sha in images.names():
                asked = messages(sha, images)
                name = self._key(sha, 1 if asked and len(asked) == 1 else 2)
                made = Request(name, asked or [], self.max_tokens, self._schema, [[name, sha]], sha)
                yield [made] if asked else []

        with progress(what, total=images.count, unit="image") as bar:
            self.asking.round(requests(), bar)

    def _key(self, sha: str, attempt: int) -> str:
        return key(self._shape, sha, attempt)

    def _first(self, sha: str, images: ImageSet) -> list[Message] | None:
        return [self._message(sha, images)] if self.asking.wanted(self._key(sha, 1)) else None

    def _again(self, sha: str, images: ImageSet) -> list[Message] | None:
        before = self.asking.known(self._key(sha, 1))
        if before is None or "fault" not in before or not self.asking.wanted(self._key(sha, 2)):
            return None
        return [
            self._message(sha, images),
            {"role": "assistant", "content": before["answer"]},
            {"role": "user", "content": self.repair.replace("{fault}", before["fault"])},
        ]

    def _message(self, sha: str, images: ImageSet) -> Message:
        text = {"type": "text", "text": self.prompt}
        return {"role": "user", "content": [image_part(*_encoded(images.open(sha), self.max_side)), text]}

    def _read(self, reply: Reply, shas: list[str]) -> list[dict[str, Any]]:
        faults = {"refusal": "refused", "content_filter": "refused", "length": "cut off"}
        found = faults.get(reply.finish) or verdicts.read(reply.text, self.codes)
        return [{**verdicts.fields(found), "answer": reply.text[:2_000].encode(errors="replace").decode()}]

    def verdict(self, sha: str) -> dict[str, Any]:
        """Return the latest answer's verdict, or the reason why there is no answer."""
        answers = [answer for attempt in (2, 1) if (answer := self.asking.known(self._key(sha, attempt)))]
        return answers[0] if answers else {"fault": self.asking.silence(self._key(sha, 1)), "answer": None}

    # Cost

    def _allow(self, images: ImageSet) -> None:
        if self.chat.price is None:
            return
        self.asking.allow(self.estimate(images, self.asking.ledger))

    def estimate(self, images: ImageSet, ledger: Ledger | None) -> Estimate:
        """Estimate the screening of those images that are not in the ledger."""
        made, answer = Estimate(self.chat, what="images"), 80
        text = request_tokens([{"role": "user", "content": self.prompt}])
        for sha in images.names():
            size = text + image_tokens(*_scaled(*images.size(sha), self.max_side), self.chat.image_rates), answer
            made.add(size, [size] if ledger is None or ledger.get(self._key(sha, 1)) is None else [])
        return made

    def usage(self, seconds: float) -> dict[str, Any]:
        spent = self.asking.ledger.spent(self.asking.run)
        self.asking.ledger.close()
        made = {"requests": spent.requests, "asking_s": round(seconds, 3), **self.asking.usage}
        return made if self.chat.price is None else {**made, "usd": round(spent.usd, 6)}


class Judged:
    """Verdicts read from the ledger."""

    def __init__(self, screener: ChatScreener, seconds: float) -> None:
        self._screener, self._seconds = screener, seconds

    def of(self, sha256: str) -> dict[str, Any]:
        return self._screener.verdict(sha256)

    def usage(self) -> dict[str, Any]:
        return self._screener.usage(self._seconds)


def _scaled(width: int, height: int, side: int) -> tuple[int, int]:
    ratio = min(1.0, side / max(width, height))
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def _encoded(image: Image.Image, side: int) -> tuple[bytes, str]:
    """Return (bytes, format): PNG for small images, JPEG for larger ones."""
    small = image.resize(_scaled(*image.size, side), Image.Resampling.LANCZOS) if max(image.size) > side else image
    kind = "png" if small.width * small.height <= 65_536 else "jpeg"
    buffer = io.BytesIO()
    small.save(buffer, kind, quality=90)
    return buffer.getvalue(), kind
