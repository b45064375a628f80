"""The miniature's domains, one file each: `imagine` facts, `draw` them, `ask` about them, and list the `free` cells."""
