"""Windows to scores on a GPU. Needs torch and torchaudio (`genred[gpu]`): imported only where a GPU is used."""
