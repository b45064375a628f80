"""Compose a config and load the templates when imported: Hydra's grammars and compiled templates, a second's work, are then
there in each process that is forked later."""

from hydra import compose, initialize_config_dir

from ain.report.render import environment
from ain.runtime.paths import CONF

with initialize_config_dir(str(CONF), version_base="1.3"):
    compose(
        "config", ["source.domains=[vqa,ocr]", "model.checkpoint='miniature:base?steps=3&domains=vqa.ocr'", "seed=1"]
    )
for name in environment().list_templates(["html", "md"]):
    environment().get_template(name)
