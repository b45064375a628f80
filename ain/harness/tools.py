"""The two tools: their versions, what they need, and their command lines."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ain import UserError
from ain.storage.digests import digest

CONCURRENCY = 32  # requests in flight; the server makes batches of them


@dataclass(frozen=True)
class Server:
    """A model to ask. url: up to and with /v1. tokenizer: its directory or hub id, for log-probabilities of texts."""

    url: str
    name: str
    tokenizer: str | None = None
    max_length: int | None = None  # tokens of prompt and answer together


@dataclass(frozen=True)
class Asked:
    """What shapes the results of a task, besides the model. None: as the task says.

    chat: put questions into the model's chat template. include: a folder with tasks of one's own.
    """

    limit: int | None = None
    shots: int | None = None
    chat: bool = True
    include: Path | None = None


@dataclass(frozen=True)
class Tool:
    """A package that is pinned with all that it needs.

    needs: installed with their own needs; alone: installed without, because theirs cannot be met everywhere.
    """

    name: str
    version: str
    needs: tuple[str, ...]
    alone: tuple[str, ...]
    words: Callable[[Server, Asked], list[str]]

    @property
    def constraints(self) -> Path:
        """The file with the pinned versions."""
        return Path(__file__).with_name(f"{self.name}.txt")

    @property
    def identity(self) -> list[str]:
        """What tells this version of the tool and of its libraries from others."""
        return [self.name, self.version, digest([*self.needs, *self.alone, self.constraints.read_text("utf-8")])]

    def command(self, python: Path, task: str, server: Server, asked: Asked, out: Path) -> list[str]:
        words = [str(python), "-m", self.name, *self.words(server, asked), "--tasks", task, "--output_path", str(out)]
        words += ["--log_samples", "--batch_size", "1"]
        include = asked.include and asked.include.absolute()  # the process works in a folder of its own
        for name, value in (("limit", asked.limit), ("num_fewshot", asked.shots), ("include_path", include)):
            words += [] if value is None else [f"--{name}", str(value)]
        return words


def _lm_eval(server: Server, asked: Asked) -> list[str]:
    if server.tokenizer is None:
        raise UserError("lm_eval counts tokens itself: give the directory or hub id of the model's tokenizer")
    local = Path(server.tokenizer)
    arguments: dict[str, object] = {
        "model": server.name,
        "base_url": f"{server.url}/completions",
        "tokenizer": local.absolute() if local.is_dir() else server.tokenizer,
        "tokenizer_backend": "huggingface",
        "num_concurrent": CONCURRENCY,
        "add_bos_token": not asked.chat,  # a chat template writes it itself
    }
    if server.max_length is not None:
        arguments["max_length"] = server.max_length
    template = ["--apply_chat_template"] if asked.chat else []
    return ["--model", "local-completions", "--model_args", _joined(arguments), *template]


def _lmms_eval(server: Server, asked: Asked) -> list[str]:
    if not asked.chat:
        raise UserError("lmms_eval always asks through a chat template")
    arguments = {"model_version": server.name, "base_url": server.url, "api_key": "none", "num_cpus": CONCURRENCY}
    return ["--model", "async_openai", "--model_args", _joined(arguments)]


def _joined(arguments: dict[str, object]) -> str:
    if odd := next((str(value) for value in arguments.values() if "," in str(value)), None):
        raise UserError(f"{odd}: a comma in this name would split it for the harness; use another name")
    return ",".join(f"{name}={value}" for name, value in arguments.items())


# The model runs in our server, so lm-eval needs no torch. `ifeval` and `math` are what those leaderboard tasks import.
LM_EVAL = Tool("lm_eval", "0.4.13", ("lm_eval[api,ifeval,math]", "transformers", "sentencepiece"), (), _lm_eval)

# lmms-eval's own list has torchvision, which must fit the build of torch and which only models in its process need.
LMMS_EVAL = Tool(
    "lmms_eval",
    "0.7.3",
    (
        *("torch", "transformers", "accelerate", "datasets", "evaluate", "numpy", "pandas", "scikit-learn", "sympy"),
        *("aiohttp", "httpx", "openai", "tenacity", "tiktoken", "wandb", "loguru", "python-dotenv", "pydantic"),
        *("pillow", "opencv-python-headless", "av", "openpyxl", "jsonlines", "pytablewriter", "pyyaml", "jinja2"),
        *("sacrebleu", "nltk", "rouge", "levenshtein", "anls", "pycocoevalcap", "math-verify", "latex2sympy2", "zss"),
        *("tqdm-multiprocess", "numexpr", "einops", "ftfy", "sentencepiece", "zstandard", "protobuf", "pytz", "dill"),
    ),
    ("lmms_eval",),
    _lmms_eval,
)
TOOLS = {tool.name: tool for tool in (LM_EVAL, LMMS_EVAL)}
