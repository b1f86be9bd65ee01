"""What every front end asks of the samples it is given, numpy's or torch's."""

from models.front_ends.spec import FrontEnd


def check_blocks(dtype: object, shape: tuple[int, ...], spec: FrontEnd) -> None:
    """ValueError but for float32 (n_blocks, n_samples) with samples enough for one frame. dtype: of either library."""
    if str(dtype).removeprefix("torch.") != "float32" or len(shape) != 2 or shape[1] < spec.fewest_samples:
        raise ValueError(
            f"front end: expected float32 (blocks, at least {spec.fewest_samples} samples), not {dtype} {shape}"
        )
