"""What reads skeletons or pixels: recognisers, Gloss2Text, Sign2Text, pretrained encoders; and what repair is worth."""
