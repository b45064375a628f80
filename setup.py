"""What pyproject.toml cannot say: a wheel carries conf/ and experiments/, which stand at the top of the repository."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class Build(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # an editable install finds them in the checkout
            target = Path(self.build_lib) / "ain" / "conf"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("conf", target)  # with experiments/, to which conf/experiment links


setup(cmdclass={"build_py": Build})
