"""`ain completion bash|zsh`: print the script that completes verbs, experiments, groups and their options."""

from ain.cli.arguments import VERBS
from ain.cli.parser import Parser
from ain.cli.verbs import VERBS as BESIDE
from ain.pipeline import choices

_NAMED = ("run", "reproduce")  # verbs that take an experiment
_OF_RUNS = ("status", "compare", "check", "clean")  # verbs that take the name of a job or sweep
# Bash ends a word at "=". What it already has of `group=option` is cut off the replies; zsh's bashcompinit does the same.
_SCRIPT = """\
_ain() {{
  local line="${{COMP_LINE:0:COMP_POINT}}"
  local word="${{line##* }}" words
  if [ "$COMP_CWORD" -eq 1 ]; then words="{verbs}"
  else
    case "${{COMP_WORDS[1]}}" in
      retry) words="translate {experiments} {settings} reason=" ;;
      {of_runs}) words="$(command ls outputs/runs 2>/dev/null) output_dir=" ;;
      {beside}) COMPREPLY=(); return ;;
      {named}) words="{experiments} {settings}" ;;
      *) words="{settings}" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  case "$word" in *=*) COMPREPLY=("${{COMPREPLY[@]#"${{word%%=*}}="}}") ;; esac
  case "${{COMPREPLY[0]}}" in *=) compopt -o nospace 2>/dev/null ;; esac
}}
complete -o default -F _ain ain"""


def main(words: list[str]) -> None:
    parser = Parser("completion", 'Print a completion script: eval "$(ain completion bash)" in ~/.bashrc.')
    parser.add_argument("shell", choices=("bash", "zsh"))
    given = parser.read(words)
    if given.shell == "zsh":
        print("autoload -Uz compinit bashcompinit && compinit && bashcompinit")
    print(script())


def script() -> str:
    """Return the script for bash, with the names of this installation in it."""
    options = [f"{group}={option}" for group in choices.groups() for option in choices.options(group)]
    return _SCRIPT.format(
        verbs=" ".join((*VERBS, *BESIDE)),
        of_runs="|".join(_OF_RUNS),
        beside="|".join(BESIDE),
        named="|".join(_NAMED),
        experiments=" ".join(choices.experiments()),
        settings=" ".join(
            [*options, "dry_run=true", "output_dir=", "overrides=", "report.baseline=", "retry=", "seed="]
        ),
    )
