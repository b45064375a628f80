"""lm-eval and lmms-eval, run as tools in environments of their own.

    environment(tool, root)                          the Python of a tool, which is installed first if it is missing
    run(tool, python, tasks, server, identity, out)  what each task made, one row for each question

Their requirements contradict ours, so they share no process with us: they ask a model through `ain.server`.
"""

from ain.harness.environment import environment
from ain.harness.run import Asked, Server, TaskRun, run
from ain.harness.tools import LM_EVAL, LMMS_EVAL, Tool

__all__ = ["LMMS_EVAL", "LM_EVAL", "Asked", "Server", "TaskRun", "Tool", "environment", "run"]
