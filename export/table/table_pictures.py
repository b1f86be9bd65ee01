"""Pictures of a table: its rows on two axes, with a centre a label."""

import io

import numpy as np
from matplotlib.figure import Figure

from export.evaluate.pictures import written
from export.table.columns import in_order, learnable
from export.table.vector_table import VectorTable

_COLOURS = 10  # of matplotlib's tab10; further labels have other marks
_MARKS = "o^sDvP*X"


def pca_picture(table: VectorTable, raw_mels: bool) -> bytes:
    """PNG: the first two principal components of the standardised features, and the mean of each label's rows."""
    from sklearn.decomposition import PCA  # a second to import, which studies on music need not wait for
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(learnable(in_order(table), raw_mels))
    if scaled.shape[1] < 2:
        scaled = np.pad(scaled, ((0, 0), (0, 1)))
    pca = PCA(2, random_state=0)
    places = pca.fit_transform(scaled)
    drawing = Figure(figsize=(8, 6.5), layout="constrained")
    axes = drawing.subplots()
    for number, name in enumerate(table.label_names):
        own = places[table.labels == number]
        if not len(own):
            continue
        colour, mark = f"C{number % _COLOURS}", _MARKS[number // _COLOURS % len(_MARKS)]
        axes.plot(own[:, 0], own[:, 1], mark, color=colour, markersize=3, alpha=0.35, markeredgewidth=0)
        centre = own.mean(axis=0)
        axes.plot(*centre, mark, color=colour, markersize=12, markeredgecolor="black")
        axes.annotate(written(name), centre, (8, 8), textcoords="offset points", weight="bold")
    shares = [f"{share:.0%} of the variance" for share in pca.explained_variance_ratio_]
    axes.set(xlabel=f"first component, {shares[0]}", ylabel=f"second component, {shares[1]}")
    axes.set_title(f"{len(table.labels)} tracks on two axes of {len(table.columns)}, and the labels' centres")
    axes.grid(alpha=0.3)
    data = io.BytesIO()
    drawing.savefig(data, format="png", dpi=110)
    return data.getvalue()
