"""A picture of what SpectrogramAttentionCNN attends to."""

from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from models.networks.spectrogram_attention_cnn import SpectrogramAttentionCnn
from models.whole_file import whole_file


def plot_attention(network: SpectrogramAttentionCnn, window: Tensor, path: Path) -> None:
    """Write `path` (PNG): a normalised window, float32 (1, frames, mels), and each block's attention to its places."""
    network.eval()
    with torch.inference_mode():
        attended = network.attention(window)
    figure = Figure(figsize=(3.4 * (1 + len(attended)), 3.4), layout="constrained")
    panels = figure.subplots(1, 1 + len(attended), squeeze=False)[0]
    heard = window[0].T.cpu().numpy()
    panels[0].imshow(heard, origin="lower", aspect="auto", cmap="magma")
    panels[0].set(title="window", xlabel="frame", ylabel="mel")
    for number, (panel, attention) in enumerate(zip(panels[1:], attended, strict=True), 1):
        places = attention.places[0].T.cpu().numpy()
        extent = (0, heard.shape[1], 0, heard.shape[0])  # each block's grid is coarser than the one before
        shown = panel.imshow(places, origin="lower", aspect="auto", cmap="viridis", extent=extent)
        panel.set(title=f"block {number}", xlabel="frame")
        figure.colorbar(shown, ax=panel)
    with whole_file(path) as file:
        FigureCanvasAgg(figure).print_png(file)  # type: ignore[no-untyped-call]
