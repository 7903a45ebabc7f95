"""All that touches JoeyNMT: its model, trainer, search and tokenizers, with a source of poses."""

DISTRIBUTION = "joeynmt"  # under which name it is installed
