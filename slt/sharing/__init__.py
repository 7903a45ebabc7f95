"""Models of others: a model folder as a repository of the Hugging Face Hub, checked before anything of it is used."""
