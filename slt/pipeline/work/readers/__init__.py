"""Work that trains what reads poses or pixels (translators, recognisers, Sign2Text), and decodes dev and test by it."""
