"""The picture of the signer: camera, shapes, light."""
