"""Several trained readers as one: recognisers whose posteriors are averaged, Gloss2Text models that decode together."""
