"""How the signer looks: camera, shapes, light."""
